"""How much a template may handle and do for one row."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.utils import Namespace

TEXT_LIMIT = 200_000
"""Characters of one text, and of all texts in one list or object."""

ITEM_LIMIT = 10_000
"""Items of one range and of one loop."""

INTEGER_BITS = 4_096
"""Size of an integer: far below what is slow to compute or to write out."""

_STEP = 10
_WORK_LIMIT = 2 * ITEM_LIMIT * _STEP
_CHARACTERS_A_UNIT = 100
_WIDE = re.compile(r"%[-#0 +]*+(?:\(|\*|\d{3}|\d*+\.(?:\*|\d{3}))")

T = TypeVar("T")


class Refused(SecurityError):  # noqa: N818 - named for what it is, as BadInput
    """The template asks for more than a prompt can need."""


class Meter:
    """The work done so far for one row, in units of about a microsecond."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _WORK_LIMIT

    def spend(self, work: int) -> None:
        """Count work.

        Raises:
            Refused: more than one row may cost.
        """
        self._left -= work
        if self._left < 0:
            raise Refused("it does too much work for one row; take loops out of loops")

    def weighed(self, value: T) -> T:
        """The same value, its handling counted.

        Raises:
            Refused: a text, list, object or integer beyond the limits.
        """
        if isinstance(value, int) and value.bit_length() > INTEGER_BITS:
            raise Refused("it computes a number of more than 1,000 digits; use smaller ones")
        self.spend(1 + text_within(value) // _CHARACTERS_A_UNIT)
        return value

    def counted(self, items: Iterable[T]) -> Iterator[T]:
        """The items of a loop, each step counted.

        Raises:
            Refused: more of them than a loop may have.
        """
        for number, item in enumerate(items):
            if number >= ITEM_LIMIT:
                raise Refused(f"a loop has more than {ITEM_LIMIT:,} items; loop over fewer")
            self.spend(_STEP)
            yield item


class MeteredContext(Context):
    """The names that one rendering knows, and its meter."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.meter = Meter()


def meter_of(context: Context) -> Meter:
    """The meter of the rendering that is under way."""
    assert isinstance(context, MeteredContext)
    return context.meter


def text_within(value: object) -> int:
    """About the characters it takes to write out a value with all that it holds.

    What is shared is counted wherever it stands: `[a, a]` thirty times over is small in memory only.

    Raises:
        Refused: more than `TEXT_LIMIT`; the count stops there.

    >>> text_within("abc"), text_within(["abc", {"k": "v"}]), text_within(1000)
    (3, 9, 3)
    """
    if isinstance(value, str):
        return within(len(value))
    total = 0
    left = [value]
    while left:
        here, inside = _weight(left.pop())
        total = within(total + here)
        left += inside
    return total


def _weight(value: object) -> tuple[int, Iterable[object]]:
    match value:
        case str():
            return len(value), ()
        case int():
            return value.bit_length() // 3, ()
        case dict():
            return within(2 * len(value)), (*value, *value.values())
        case list() | tuple() | set() | frozenset():
            return len(value), value
        case Namespace():
            raise Refused("it uses a namespace as a value; name one of its members")
        case _:
            return 0, ()


def within(characters: int) -> int:
    """The same number.

    Raises:
        Refused: it is beyond `TEXT_LIMIT`.
    """
    if characters > TEXT_LIMIT:
        raise Refused(f"it handles a text of more than {TEXT_LIMIT:,} characters; shorten it")
    return characters


def require_small_product(left: object, right: object) -> None:
    """Let `left * right` pass if its result stays small.

    Raises:
        Refused: a text or a list repeated beyond the limits.
    """
    for value, times in ((left, right), (right, left)):
        if isinstance(value, str | list | tuple) and isinstance(times, int):
            within(text_within(value) * times)


def require_small_power(left: object, right: object) -> None:
    """Let `left ** right` pass if its result stays small.

    Raises:
        Refused: an integer of more digits than the limit.
    """
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * right
        if bits > INTEGER_BITS:
            raise Refused("it computes a number of more than 1,000 digits; use smaller ones")


def require_narrow(pattern: str) -> None:
    """Let a printf pattern pass whose widths are of two digits at most.

    Raises:
        Refused: a wider field, a width from outside, or a named field.
    """
    if _WIDE.search(pattern):
        raise Refused("it formats a field wider than 99, or by name; use plain %s and %.2f")


def short_range(*bounds: int) -> range:
    """The `range` of templates.

    Raises:
        Refused: more items than `ITEM_LIMIT`.
    """
    numbers = range(*bounds)
    if len(numbers) > ITEM_LIMIT:
        raise Refused(f"a range has more than {ITEM_LIMIT:,} items; use a shorter one")
    return numbers
