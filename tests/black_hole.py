"""A server that takes connections and never answers."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

BACKLOG = 100


class BlackHole:
    """A service that is silent: the kernel accepts connections for it."""

    def __init__(self, server: socket.socket) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{server.getsockname()[1]}"

    def tries(self) -> int:
        """The connections made since it was asked last: each was a try of somebody who waited."""
        found = 0
        while True:
            try:
                self.server.accept()[0].close()
            except BlockingIOError:
                return found
            found += 1


@contextmanager
def black_hole() -> Iterator[BlackHole]:
    """Within the block, a service that is silent."""
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as server:
        server.setblocking(False)
        yield BlackHole(server)
