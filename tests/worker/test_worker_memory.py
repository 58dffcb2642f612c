"""Many large answers at once are held about once each: as the base64 they came in, four thirds of an image."""

import subprocess
import sys

from world import ROOT

ANSWERS = "24"


def test_large_answers_are_held_once() -> None:
    argv = (sys.executable, "-m", "benchmarks.memory", ANSWERS)
    told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rows = [line.strip("| ").split(" | ") for line in told.splitlines() if line.startswith("| ")]
    copies = {row[0]: float(row[2]) for row in rows if row[0] in ("received", "until stored")}
    assert copies["received"] < 1.6
    # A handful is decoded at a time, which weighs more among two dozen than among two hundred.
    assert copies["until stored"] < 2.6
