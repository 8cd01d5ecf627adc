"""Readiness by systemd's protocol: a daemon notifies whoever started it that it serves."""

import os
import socket


def ready() -> None:
    """Send READY=1 to `NOTIFY_SOCKET`, if that is set. Raises OSError.

    https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)
        channel.sendall(b"READY=1")
