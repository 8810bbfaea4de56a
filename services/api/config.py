"""``(shepherd config)``: what a build of the Shepherd knows about itself."""

from __future__ import annotations

from services.scheme.primitives import Library

LIBRARY = Library()
# The version whose behaviour drover has; configurations compare it.
LIBRARY.bind("Version", "1.0.9")
LIBRARY.bind("Prefix-dir", "/usr")
LIBRARY.bind("%localstatedir", "/var")
LIBRARY.bind("%runstatedir", "/run")
LIBRARY.bind("%sysconfdir", "/etc")
LIBRARY.bind("%localedir", "/usr/share/locale")
LIBRARY.bind("%pkglibdir", "/usr/lib/shepherd")
LIBRARY.bind("package-name", "GNU Shepherd")
LIBRARY.bind("package-url", "https://shepherding.services")
LIBRARY.bind("bug-address", "https://codeberg.org/shepherd/shepherd/issues")
