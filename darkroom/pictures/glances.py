"""Looks at pictures in a process of its own: decoding takes nothing from this one, whatever comes of it."""

import json
import selectors
import subprocess
import sys
from pathlib import Path
from typing import IO, Self

from darkroom.pictures.formats import NotAPicture
from darkroom.pictures.likeness import Likeness

PATIENCE = 60.0
"""Seconds for one picture; the largest take one."""

TRIES = 2
"""The process may also end for reasons of its own."""

_ARGV = (sys.executable, "-m", "darkroom.pictures.glancer")
_LONGEST = 1 << 16


class Glances:
    """The process is started by the first look, and ends with `rest` or with us: it reads from us."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.rest()

    def at(self, path: Path) -> Likeness | NotAPicture:
        """What the picture in this file looks like; what ends the process twice is none.

        Raises:
            OSError: the file cannot be read.
        """
        for _ in range(TRIES):
            match self._asked(path):
                case {"trouble": str(trouble)}:
                    raise OSError(trouble)
                case {"reason": str(reason)}:
                    return NotAPicture(reason)
                case {"contrast": int(contrast), "bits": int(bits), "spots": str(spots)}:
                    return Likeness(contrast, bits, bytes.fromhex(spots))
                case _:
                    self.rest()
        return NotAPicture("the process that looks at pictures ends over it")

    def rest(self) -> None:
        """Ends the process, if there is one."""
        if self._child is not None:
            with self._child as child:
                child.kill()
            self._child = None

    def _asked(self, path: Path) -> object:
        if self._child is None:
            self._child = subprocess.Popen(
                _ARGV, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        assert self._child.stdin
        assert self._child.stdout
        try:
            self._child.stdin.write(json.dumps(str(path)).encode() + b"\n")
        except BrokenPipeError:
            return None
        answer = _line(self._child.stdout)
        return json.loads(answer) if answer.endswith(b"\n") else None


def _line(pipe: IO[bytes]) -> bytes:
    """What is written to a pipe until the end of a line; less if it is closed or takes too long."""
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not said.endswith(b"\n") and selector.select(PATIENCE):
            part = pipe.read(_LONGEST)
            if not part:
                break
            said += part
    return said
