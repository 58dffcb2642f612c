"""The first that runs: from here on Ctrl-C is heard, also while the rest is still being loaded."""

import importlib
import os
import signal
import sys
from types import FrameType

STOPPED = 3
"""The exit status of an interruption; the name for it is not loaded yet."""


class Opening:
    """While it lasts, Ctrl-C ends the process without a word; after it, it raises as usual."""

    def __init__(self) -> None:
        self.lasts = True

    def hear(self, _signum: int, _frame: FrameType | None) -> None:
        """What a SIGINT does."""
        if self.lasts:
            os._exit(STOPPED)
        raise KeyboardInterrupt


def main() -> None:
    """Run the command of this process's arguments, and end with its exit status."""
    opening = Opening()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, opening.hear)
    # Not an import above: half a second of loading must not end in a traceback.
    command = importlib.import_module("darkroom.cli.main")
    opening.lasts = False
    status = command.ended(sys.argv[1:])
    opening.lasts = True
    sys.exit(status)
