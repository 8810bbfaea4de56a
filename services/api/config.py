"""``(shepherd config)``: what the GNU Shepherd was configured with when it was built."""

from __future__ import annotations

from services.scheme.primitives import Library

LIBRARY = Library()

for _name, _value in {
    "Version": "1.0.9",  # the GNU Shepherd that drover is compatible with
    "Prefix-dir": "/usr",
    "%localstatedir": "/var",
    "%runstatedir": "/run",
    "%sysconfdir": "/etc",
    "%localedir": "/usr/share/locale",
    "%pkglibdir": "/usr/lib/shepherd",
    "package-name": "drover",
    "package-url": "https://shepherding.services",
    "bug-address": "https://codeberg.org/shepherd/shepherd/issues",
}.items():
    LIBRARY.bind(_name, _value)
