"""The moment at which the server is told to stop; without this it is told only after its last answer ends."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def told_to_stop(act: Callable[[], None]) -> Iterator[None]:
    """Calls `act` when a signal to stop comes, before whoever else wants to hear it.

    Elsewhere than in the main thread no signal can be heard: the server is somebody's test.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def heard(number: int, frame: FrameType | None) -> None:
        act()
        if callable(earlier := before[signal.Signals(number)]):
            earlier(number, frame)

    for number in SIGNALS:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
