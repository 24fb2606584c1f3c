"""What is read from the kernel's own books."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from benchmarks import proc


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a connection, the server's first, whose other end has room for little."""
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listening.getsockname())
        server, _ = listening.accept()
        with server:
            server.setblocking(False)
            yield server, client


def wait_until(condition: Callable[[], bool]) -> None:
    """The kernel says a moment later what has come."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def held_up(pair: tuple[socket.socket, socket.socket]) -> int:
    """How many of the one connection there is are held up."""
    server, client = pair
    return proc.held_up(server.getsockname()[1], {client.getsockname()[1]})


def test_who_has_taken_everything_is_not_held_up(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    server, client = pair
    assert held_up(pair) == 0
    server.send(b"little")
    assert client.recv(6) == b"little"
    wait_until(lambda: held_up(pair) == 0)


def test_who_has_something_waiting_is_held_up(pair: tuple[socket.socket, socket.socket]) -> None:
    server, _ = pair
    with contextlib.suppress(BlockingIOError):
        while server.send(bytes(65536)):
            pass
    assert held_up(pair) == 1


def test_whom_the_server_has_left_is_held_up(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    ports = server.getsockname()[1], client.getsockname()[1]
    server.close()
    wait_until(lambda: proc.held_up(ports[0], {ports[1]}) == 1)
