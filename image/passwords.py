"""Hashing passwords for /etc/shadow, as the C library of the image checks them (SHA-512 crypt)."""

from __future__ import annotations

import base64
import hashlib
import secrets

from image.errors import ConfigurationError
from image.run import run


def hash_password(password: str, where: str, salt_from: str | None = None) -> str:
    """Return the hash of a password; "" stays "", which means that none is needed.

    The salt is random; with ``salt_from`` (never anything secret) it is made from that, for
    builds that are to be reproducible.  ``where`` is named if the password cannot be hashed.
    """
    if not password:
        return ""
    if any(char in password for char in "\0\n\r"):
        raise ConfigurationError(where, "a password cannot contain a line end")
    data = secrets.token_bytes(12)
    if salt_from is not None:
        data = hashlib.sha256(salt_from.encode()).digest()[:12]
    salt = base64.b64encode(data, b"./").decode()
    words = ["openssl", "passwd", "-6", "-salt", salt, "-stdin"]
    return run(words, input=f"{password}\n".encode()).stdout.decode().strip()
