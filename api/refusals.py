"""Why a caller does not get what was asked for: the closed set of answers that are nobody's failure."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from darkroom.domain.problem import BadInput, Problem, clipped


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with what was sent; `pointer` is a JSON pointer, `row` counts from 1."""

    code: str
    detail: str
    pointer: str | None = None
    row: int | None = None
    column: str | None = None


class Refusal(Exception):  # noqa: N818 - an answer, not an error
    """Something was asked for that cannot be had; nothing of it was done."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


class Unauthenticated(Refusal):
    """Nobody knows who is asking."""


class Forbidden(Refusal):
    """The key is good, but not for this."""


class Missing(Refusal):
    """There is none such, or it is another project's: the two are not told apart."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind}_not_found", f"there is no {kind} {clipped(name, 80)}")


class Expired(Refusal):
    """It was there, and was kept for as long as such things are kept."""

    def __init__(self, kind: str, name: str) -> None:
        detail = (
            f"{kind} {clipped(name, 80)} has expired: its bytes were kept as long as is set here"
        )
        super().__init__(f"{kind}_expired", detail)


class Conflict(Refusal):
    """It is there, but its state does not allow this."""


class Mismatch(Refusal):
    """It was asked under a key that stands for something else."""


class TooMany(Refusal):
    """It was asked too often; it may be asked again after so many seconds."""

    def __init__(self, seconds: int) -> None:
        again = f"ask again in {seconds} s, and not more often than the RateLimit headers allow"
        super().__init__("rate_limit_exceeded", f"this key asks too often; {again}")
        self.seconds = seconds


class Invalid(Refusal):
    """What was sent cannot be used; `faults` names every place."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("invalid_request", "what was sent cannot be used")
        self.faults = tuple(faults)

    @classmethod
    def field(cls, name: str, code: str, detail: str) -> "Invalid":
        """One field of the body is wrong."""
        return cls([Fault(code, detail, pointer=f"#/{name}", column=name.partition("/")[0])])

    @classmethod
    def input(cls, name: str, error: BadInput) -> "Invalid":
        """What the domain found wrong with the text in one field of the body."""
        return cls([_fault(name, problem) for problem in error.problems])


def _fault(name: str, problem: Problem) -> Fault:
    return Fault(problem.code, problem.message, f"#/{name}", problem.line, problem.column or name)


def nearest(word: str, known: Sequence[str]) -> str:
    """What to say about a word that is not one of these.

    >>> nearest("qualty", ["quality", "size"])
    'did you mean `quality`?'
    >>> nearest("zzz", ["quality", "size"])
    'use one of quality, size'
    """
    close = get_close_matches(word, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"use one of {', '.join(known)}"
