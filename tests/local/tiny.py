"""A service as small as can be: tiny.py NAME JOURNAL [stubborn | mute | crash | done]."""

import os
import signal
import sys
from pathlib import Path

HEARD = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def note(journal, line):
    with Path(journal).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def main(name, journal, manner="polite"):
    if manner == "crash":
        while not Path(journal).exists():  # so that there is another to be stopped
            os.sched_yield()
        sys.exit(f"{name} says: the paper is jammed")
    if manner != "mute":
        note(journal, f"{name} up")
    if manner == "done":
        return
    while True:
        heard = signal.sigwait(HEARD)
        note(journal, f"{name} {heard.name}")
        if manner != "stubborn":
            return


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    main(*sys.argv[1:])
