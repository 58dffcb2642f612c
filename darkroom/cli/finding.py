"""What a check of this installation found: how it is, and the fix."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How a check turned out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, how it is, and for all but `ok` the fix."""

    grade: Grade
    what: str
    says: str


def ok(what: str, says: str) -> Finding:
    """Nothing is wrong there."""
    return Finding(Grade.OK, what, says)


def warn(what: str, says: str) -> Finding:
    """Work can go on, but somebody should look."""
    return Finding(Grade.WARN, what, says)


def fail(what: str, says: str) -> Finding:
    """No image will be made until somebody acts."""
    return Finding(Grade.FAIL, what, says)
