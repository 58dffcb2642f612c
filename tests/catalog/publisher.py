"""A process that publishes a version and says when it is in the middle; a test kills it there."""

import sys
from pathlib import Path

from darkroom.catalogs.publishing import Exhibit, publish


def main(root: str, number: str, until: str) -> None:
    shown = [Exhibit(f"sku-{n}", "main", number * 8 + str(n), "png", "", {}) for n in range(4)]

    def bring(exhibit: Exhibit, path: Path) -> None:
        if exhibit.sku == f"sku-{until}":
            sys.stdout.write("in the middle\n")
            sys.stdout.flush()
            sys.stdin.read()
        path.write_text(number)

    publish(Path(root), int(number), shown, bring)
    sys.stdout.write("published\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
