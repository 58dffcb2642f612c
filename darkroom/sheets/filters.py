"""The filters of prompt templates: Jinja's, measured, and the few that had to be written anew."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from darkroom.sheets.meter import Refused, meter_of, require_narrow, within

LOOP = "loop steps"
JOINED = "joined text"
BUILT = "built value"
"""Filters that no template can name: the compiler puts them in."""

_NAMES = (
    "abs capitalize count d default dictsort e escape first float format groupby int items last"
    " length list lower map max min reject rejectattr reverse round safe select selectattr sort"
    " string striptags sum title tojson trim truncate unique upper urlencode wordcount"
)
NAMES = frozenset(_NAMES.split())
"""Jinja's filters without those that pad text, lay out pages, or draw at random: a row must give
the same prompt each time, or repeating a run would pay again."""

_TAKES_ANY_LENGTH = frozenset({"count", "d", "default", "length", "truncate"})
_PRECISION = 100


def filters_of(unguarded: ImmutableSandboxedEnvironment) -> dict[str, Callable[..., Any]]:
    """All filters by name, Jinja's own as this environment has them."""
    return {
        **{name: _measured(name, unguarded) for name in NAMES},
        "join": join,
        "replace": replace,
        LOOP: _counted,
        JOINED: _joined,
        BUILT: _built,
    }


@pass_context
def printed(context: Context, value: Any) -> Any:
    """What `{{ … }}` writes: nothing for null, JSON's words for booleans, no list and no object.

    Raises:
        Refused: a value that has no text of its own.
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list() | tuple() | set():
            raise Refused("it writes out a list; join it: {{ … | join(', ') }}")
        case dict():
            raise Refused("it writes out an object; name one of its members")
        case _:
            return meter_of(context).weighed(value)


@pass_context
def join(context: Context, value: Iterable[Any], d: str = "", attribute: Any = None) -> str:
    """Jinja's `join`, which stops at the limit instead of behind it.

    Raises:
        Refused: the text would be too long.
    """
    if attribute is not None:
        named = {"attribute": attribute}
        value = context.environment.call_filter("map", value, [], named, context)
    separator = _text(context, d)
    parts: list[str] = []
    length = 0
    for item in value:
        parts.append(_text(context, item))
        length = within(length + len(parts[-1]) + len(separator))
    return separator.join(parts)


@pass_context
def replace(context: Context, s: Any, old: Any, new: Any, count: int | None = None) -> str:
    """Jinja's `replace`, which knows the result's length beforehand.

    Raises:
        Refused: the text would be too long.
    """
    text, before, after = (_text(context, value) for value in (s, old, new))
    times = text.count(before)
    if count is not None and count >= 0:
        times = min(times, count)
    within(len(text) + times * (len(after) - len(before)))
    return text.replace(before, after, times)


def _text(context: Context, value: Any) -> str:
    return str(printed(context, value))


@pass_context
def _joined(context: Context, parts: list[Any]) -> str:
    return join(context, parts)


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    return meter_of(context).counted(items)


@pass_context
def _built(context: Context, value: Any) -> Any:
    return meter_of(context).weighed(value)


def _measured(name: str, unguarded: ImmutableSandboxedEnvironment) -> Callable[..., Any]:
    @pass_context
    def call(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        meter = meter_of(context)
        if name in _TAKES_ANY_LENGTH:
            meter.spend(1)
            return unguarded.call_filter(name, value, args, kwargs, context)
        for taken in (value, *args, *kwargs.values()):
            meter.weighed(taken)
        _require_bounded(name, value, args, kwargs)
        return meter.weighed(unguarded.call_filter(name, value, args, kwargs, context))

    return call


def _require_bounded(
    name: str, value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    """Refuse beforehand where the result would come too late to be measured."""
    if name == "format":
        require_narrow(str(value))
    if name == "round":
        for number in (*args, *kwargs.values()):
            if isinstance(number, int) and abs(number) > _PRECISION:
                raise Refused(f"it rounds to more than {_PRECISION} digits; use fewer")
