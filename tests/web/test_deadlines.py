"""gunicorn alone, as in `./gas up`: idle connections hold no thread, silent ones none for long."""

import socket
import struct
from types import SimpleNamespace
from typing import cast

import pytest
from gunicorn.arbiter import Arbiter

from tests.conftest import PATIENCE_S
from web.__main__ import CLIENT_S, set_deadlines


def test_a_connection_gets_a_thread_when_it_sends_and_for_so_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listeners = [SimpleNamespace(sock=listener)]
        set_deadlines(cast(Arbiter, SimpleNamespace(LISTENERS=listeners)))
        listener.setblocking(False)
        with socket.create_connection(listener.getsockname()) as client:
            with pytest.raises(BlockingIOError):
                listener.accept()
            client.sendall(b"GET / HT")
            listener.settimeout(PATIENCE_S)
            taken, _ = listener.accept()
            with taken:
                found = taken.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)
    assert struct.unpack("ll", found) == (CLIENT_S, 0)
