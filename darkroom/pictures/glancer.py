"""The process that looks at pictures for another: a path a line comes in, what it looks like goes out.

Its priority is the lowest: who waits for a call or an answer goes first.
"""

import json
import os
import sys
from pathlib import Path

from darkroom.pictures.formats import NotAPicture
from darkroom.pictures.likeness import likeness

LOWEST = 19


def main() -> None:
    os.nice(LOWEST)
    for line in sys.stdin.buffer:
        sys.stdout.write(json.dumps(_seen(Path(json.loads(line)))) + "\n")
        sys.stdout.flush()


def _seen(path: Path) -> dict[str, str | int]:
    try:
        seen = likeness(path.read_bytes())
    except OSError as error:
        return {"trouble": str(error)}
    if isinstance(seen, NotAPicture):
        return {"reason": seen.reason}
    return {"contrast": seen.contrast, "bits": seen.bits, "spots": seen.spots.hex()}


if __name__ == "__main__":
    main()
