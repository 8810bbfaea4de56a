"""What an error of the Hurd is called and what it says; read only once there is an error to tell.

The texts of Mach's errors are those that glibc's strerror gives on the Hurd, which other systems
lack.  Those of the Hurd's own errors come from the C library, by name.
"""

from __future__ import annotations

import errno
import os

from hurd import codes

_SYSTEMS = {  # prefix of the names in hurd.codes: (name of the system, what its texts begin with)
    "KERN_": ("kern", "(os/kern) "),
    "MACH_SEND_": ("mach_send", "(ipc/send) "),
    "MACH_RCV_": ("mach_rcv", "(ipc/rcv) "),
    "MIG_": ("mig", "(ipc/mig) "),
    "D_": ("device", "(os/device) "),
}

# Where the name of the code, in words, is not what the C library says.
_TEXTS = {
    "EBACKGROUND": "Inappropriate operation for background process",
    "EDIED": "Translator died",
    "ED": "?",
    "EGREGIOUS": "You really blew it this time",
    "EIEIO": "Computer bought the farm",
    "EGRATUITOUS": "Gratuitous error",
    "EPROCLIM": "Too many processes",
    "EBADRPC": "RPC struct is bad",
    "ERPCMISMATCH": "RPC version wrong",
    "EPROGUNAVAIL": "RPC program not available",
    "EPROGMISMATCH": "RPC program version wrong",
    "EPROCUNAVAIL": "RPC bad procedure for program",
    "EFTYPE": "Inappropriate file type or format",
    "EAUTH": "Authentication error",
    "ENEEDAUTH": "Need authenticator",
    "ENOTSUP": "Not supported",
    "KERN_NO_SPACE": "no space available",
    "KERN_NOT_RECEIVER": "not receiver",
    "KERN_ABORTED": "operation aborted",
    "KERN_UREFS_OVERFLOW": "user references overflow",
    "MACH_SEND_IN_PROGRESS": "send in progress",
    "MACH_SEND_INVALID_DATA": "invalid message data",
    "MACH_SEND_INVALID_DEST": "invalid destination port",
    "MACH_SEND_WILL_NOTIFY": "send will notify",
    "MACH_SEND_MSG_TOO_SMALL": "message too small",
    "MACH_SEND_INVALID_REPLY": "invalid reply port",
    "MACH_SEND_INVALID_RIGHT": "invalid port right",
    "MACH_SEND_INVALID_NOTIFY": "invalid notify port",
    "MACH_SEND_INVALID_MEMORY": "invalid memory",
    "MACH_SEND_NO_BUFFER": "no message buffer",
    "MACH_SEND_NO_NOTIFY": "no notify possible",
    "MACH_SEND_INVALID_TYPE": "invalid msg-type",
    "MACH_SEND_INVALID_HEADER": "invalid msg-header",
    "MACH_RCV_IN_PROGRESS": "receive in progress",
    "MACH_RCV_TOO_LARGE": "message too large",
    "MACH_RCV_PORT_CHANGED": "port moved into set",
    "MACH_RCV_INVALID_NOTIFY": "invalid notify port",
    "MACH_RCV_IN_SET": "port in set",
    "MACH_RCV_HEADER_ERROR": "error in message header",
    "MACH_RCV_BODY_ERROR": "error in message body",
    "MIG_TYPE_ERROR": "client type check failure",
    "MIG_REPLY_MISMATCH": "wrong reply message ID",
    "MIG_REMOTE_ERROR": "server detected error",
    "MIG_BAD_ID": "bad request message ID",
    "MIG_BAD_ARGUMENTS": "server type check failure",
    "MIG_NO_REPLY": "no reply should be sent",
    "MIG_EXCEPTION": "server raised exception",
    "MIG_ARRAY_TOO_LARGE": "array not large enough",
    "MIG_DESTROY_REQUEST": "destroy request with no reply",
    "D_IO_ERROR": "hardware IO error",
    "D_WOULD_BLOCK": "would block, but D_NOWAIT set",
    "D_ALREADY_OPEN": "exclusive-use device already open",
    "D_DEVICE_DOWN": "device has been shut down",
    "D_INVALID_OPERATION": "bad operation for device",
    "D_INVALID_RECNUM": "invalid record (block) number",
    "D_INVALID_SIZE": "invalid IO size",
    "D_NO_MEMORY": "memory allocation failure",
    "D_READ_ONLY": "device cannot be written to",
}


def _names() -> dict[int, str]:
    names: dict[int, str] = {}
    for name, code in vars(codes).items():
        if isinstance(code, int) and name.isupper():
            names.setdefault(code, name)
    return names


def describe(code: int) -> tuple[str, str, str]:
    """(symbol, system, text) of a code; the symbol is "" where no table has the code.

    Systems are "hurd", "kern", "mach_send", "mach_rcv", "mig", "device" and "unknown".
    """
    symbol = _names().get(code, "")
    for prefix, (system, introduction) in _SYSTEMS.items():
        if symbol.startswith(prefix):
            words = symbol.removeprefix(prefix).lower().replace("_", " ")
            return symbol, system, introduction + _TEXTS.get(symbol, words)
    if code & 0xFFFFC000 != 0x40000000:
        return symbol, "unknown", f"error {code:#x} of an unknown system"
    native: int | None = getattr(errno, symbol, None)
    if symbol in _TEXTS:
        text = _TEXTS[symbol]
    elif native is not None:
        text = os.strerror(native)
    else:
        text = f"Unknown error {code & 0x3FFF} of the Hurd"
    return symbol, "hurd", text
