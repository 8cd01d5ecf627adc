"""A child process's notice that it serves: systemd's own protocol, on a socket of its own.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

import socket
import tempfile
from pathlib import Path

READY = b"READY=1"
MAX_BYTES = 4096


class ReadySocket:
    """The socket whose `path` a child finds as NOTIFY_SOCKET."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="gas-")
        self.path = str(Path(self.folder.name) / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)

    def is_ready(self) -> bool:
        """Tell whether READY=1 has come since the last look."""
        try:
            while READY not in self.socket.recv(MAX_BYTES).split(b"\n"):
                continue
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self.socket.close()
        self.folder.cleanup()
