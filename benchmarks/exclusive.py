"""One comparison at a time on a machine: two would measure each other."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# In Linux's abstract namespace: no file is left behind, and the name is free again when its holder
# ends, however it ends.
_NAME = "\0channels-chat-benchmarks"


@contextmanager
def exclusive(say: Callable[[str], None]) -> Iterator[None]:
    """Wait until no other comparison runs on this machine, then keep others waiting."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as claim:
        told = False
        while True:
            try:
                claim.bind(_NAME)
                break
            except OSError:
                if not told:
                    say("another comparison is running on this machine: waiting for it")
                    told = True
                time.sleep(1)
        yield
