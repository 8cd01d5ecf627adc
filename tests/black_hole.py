"""A server that takes connections and never answers."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

BACKLOG = 100


@contextmanager
def black_hole() -> Iterator[str]:
    """Within the block, the address of a service that is silent: the kernel accepts for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
