"""The sandbox that prompt templates run in: which expressions there are, each one measured.

Jinja's own sandbox keeps a template away from Python's insides, but not from `'a' * 10**9`
(https://jinja.palletsprojects.com/en/stable/sandbox/).
"""

from collections.abc import Callable
from typing import Any

from jinja2 import StrictUndefined, UndefinedError, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, missing
from jinja2.visitor import NodeTransformer

from darkroom.sheets.filters import BUILT, JOINED, LOOP, filters_of, printed
from darkroom.sheets.meter import (
    MeteredContext,
    Refused,
    meter_of,
    require_narrow,
    require_small_power,
    require_small_product,
    short_range,
)

_METHODS = (
    "capitalize casefold count endswith find index isalnum isalpha isdigit islower isnumeric isspace"
    " istitle isupper lower lstrip partition removeprefix removesuffix rfind rpartition rsplit rstrip"
    " split splitlines startswith strip swapcase title upper"
)
METHODS = frozenset(_METHODS.split())
"""The methods of a text that cannot make it much longer."""


class MissingColumn(UndefinedError):  # noqa: N818 - named for what it is, as BadInput
    """The template asks for a column that the row does not have; the message is the column's name."""


class RowCells(dict[str, object]):
    """The cells, as a template sees them under the name `row`."""


class Unknown(StrictUndefined):
    """A name that stands for nothing: a missing column, if it was looked for among the columns."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(hint, obj, *args, **kwargs)
        if hint is None and (obj is missing or isinstance(obj, RowCells)):
            self._undefined_exception = MissingColumn

    @property
    def _undefined_message(self) -> str:
        if self._undefined_exception is MissingColumn:
            return str(self._undefined_name)
        return super()._undefined_message


class GuardedEnvironment(ImmutableSandboxedEnvironment):
    """Jinja for prompts: strict about names, bounded in time and size, the same result each time."""

    context_class = MeteredContext
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=Unknown, autoescape=False, finalize=printed, optimized=False)
        self.globals = {
            "range": short_range,
            "dict": dict,
            "namespace": self.globals["namespace"],
        }
        self.filters = filters_of(self.overlay())

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute what is sure to stay small, and measure it.

        Raises:
            Refused: the result would be, or is, too large.
        """
        match operator:
            case "*":
                require_small_product(left, right)
            case "**":
                require_small_power(left, right)
            case "%" if isinstance(left, str):
                require_narrow(left)
                meter_of(context).weighed(right)
            case _:
                pass
        return meter_of(context).weighed(super().call_binop(context, operator, left, right))

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call what cannot blow up; a text's `replace` and `join` go the way of these filters.

        Raises:
            Refused: any other method of a text or a number, or too large a value.
        """
        owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        if isinstance(owner, str) and name == "replace":
            return self.call_filter("replace", owner, args, kwargs, context)
        if isinstance(owner, str) and name == "join" and len(args) == 1:
            return self.call_filter("join", args[0], [owner], kwargs, context)
        if isinstance(owner, str | bytes | int | float) and name not in METHODS:
            raise Refused(f"there is no .{name}() in a template; use a filter")
        for value in (*args, *kwargs.values()):
            meter_of(context).weighed(value)
        result = super().call(context, obj, *args, **kwargs)
        return result if isinstance(result, Namespace) else meter_of(context).weighed(result)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Refuse `.format`, whose widths know no bound.

        Raises:
            Refused: where Jinja would wrap it.
        """
        if super().wrap_str_format(value) is not None:
            raise Refused("there is no .format() in a template; join texts with ~")
        return None


class Metering(NodeTransformer):
    """Rewrites what the sandbox does not intercept (loops, `~`, literals) as filters, which it does."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - the visitor's protocol
        self.generic_visit(node)
        node.iter = _filtered(node.iter, LOOP)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno, environment=node.environment)
        return _filtered(parts, JOINED)

    def visit_List(self, node: nodes.List) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, BUILT)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, BUILT)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, BUILT) if node.ctx == "load" else node


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    assert isinstance(node, nodes.Expr)
    return nodes.Filter(
        node, name, [], [], None, None, lineno=node.lineno, environment=node.environment
    )
