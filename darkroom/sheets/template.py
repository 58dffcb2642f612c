"""Prompt templates: Jinja expressions over a row's columns."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import jinja2
from jinja2 import nodes
from jinja2.meta import find_undeclared_variables

from darkroom.domain.problem import Problem, clipped
from darkroom.sheets.guard import GuardedEnvironment, Metering, MissingColumn, RowCells
from darkroom.sheets.meter import TEXT_LIMIT, Refused
from darkroom.sheets.row import refused

SOURCE_LIMIT = 20_000
"""Characters of a template."""

ROW = "row"
"""The name under which every column can be reached: `{{ row["Body (HTML)"] }}`."""

_NAMES_SHOWN = 300
_STATEMENTS = (
    nodes.Output,
    nodes.If,
    nodes.For,
    nodes.Assign,
    nodes.With,
    nodes.Scope,
)


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template; safe to render from several threads, the same prompt for the same cells.

    `columns` are all that it mentions, those under `default` or `is defined` too.
    """

    columns: frozenset[str]
    _compiled: jinja2.Template

    @classmethod
    def compile(cls, source: str) -> "Template":
        """Check and compile a template.

        Raises:
            BadInput: a syntax error, with its line; a filter that is not there; a statement that is
                not for prompts; or too long.

        >>> template = Template.compile("a {{ color }} {{ row['Product type'] | lower }}")
        >>> sorted(template.columns)
        ['Product type', 'color']
        >>> template.render({"color": "red", "Product type": "Mug"})
        'a red mug'
        """
        if len(source) > SOURCE_LIMIT:
            raise refused(
                "template_too_long",
                f"the template has {len(source):,} characters, more than {SOURCE_LIMIT:,}; shorten it",
            )
        environment = GuardedEnvironment()
        try:
            return cls._compiled_in(environment, source)
        except jinja2.TemplateSyntaxError as error:
            message = f"the template is not valid: {error.message}; correct it"
            raise refused("template_syntax", message, line=error.lineno) from None
        except (RecursionError, MemoryError, SyntaxError):
            message = "the template is nested too deep; take it apart with {% set %}"
            raise refused("template_syntax", message) from None

    @classmethod
    def _compiled_in(cls, environment: GuardedEnvironment, source: str) -> "Template":
        tree = environment.parse(source)
        _require_plain(tree)
        _require_known_filters(tree, environment)
        columns = frozenset(_columns(tree))
        code = environment.compile(Metering().visit(tree))
        return cls(columns, jinja2.Template.from_code(environment, code, environment.globals))

    def render(self, cells: Mapping[str, object]) -> str | Problem:
        """The prompt for these cells, stripped, or why there is none.

        >>> print(Template.compile("a {{ colour }} mug").render({"color": "red"}).message)
        the template asks for a column 'colour', but there are only color; did you mean {{ color }}?
        """
        try:
            prompt = self._rendered(cells)
        except MissingColumn as absent:
            return _missing_column(str(absent), cells)
        except Refused as error:
            return Problem("template_refused", f"the template cannot be filled in: {error}")
        except Exception as error:  # noqa: BLE001 - its expressions may raise anything, all the template's fault
            said = clipped(error) or type(error).__name__
            return Problem(
                "template_failed", f"the template cannot be filled in: {said}; correct it"
            )
        return prompt or Problem(
            "empty_prompt", "the template gives an empty prompt for this row; fill its columns in"
        )

    def _rendered(self, cells: Mapping[str, object]) -> str:
        names = {name: cell for name, cell in cells.items() if name.isidentifier()}
        names[ROW] = RowCells(cells)
        pieces: list[str] = []
        length = 0
        for piece in self._compiled.root_render_func(self._compiled.new_context(names)):
            pieces.append(piece)
            length += len(piece)
            if length > TEXT_LIMIT:
                raise Refused(f"the prompt has more than {TEXT_LIMIT:,} characters; shorten it")
        return "".join(pieces).strip()


def _require_plain(tree: nodes.Template) -> None:
    """No macros, blocks or includes: what is written out in one go is measured as it grows."""
    for node in tree.find_all(nodes.Stmt):
        if not isinstance(node, _STATEMENTS) or (isinstance(node, nodes.For) and node.recursive):
            word = type(node).__name__.lower()
            raise jinja2.TemplateSyntaxError(
                f"a prompt template has no {word}, only if, for, set and with", node.lineno
            )


def _require_known_filters(tree: nodes.Template, environment: GuardedEnvironment) -> None:
    for node in tree.find_all(nodes.Filter):
        if node.name not in environment.filters:
            near = difflib.get_close_matches(node.name, environment.filters, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise jinja2.TemplateSyntaxError(f"there is no filter {node.name!r}{hint}", node.lineno)


def _columns(tree: nodes.Template) -> Iterator[str]:
    yield from find_undeclared_variables(tree) - {ROW}
    for item in tree.find_all(nodes.Getitem):
        if _is_row(item.node) and isinstance(item.arg, nodes.Const):
            yield str(item.arg.value)
    for attribute in tree.find_all(nodes.Getattr):
        if _is_row(attribute.node) and not hasattr(RowCells, attribute.attr):
            yield attribute.attr


def _is_row(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == ROW


def _missing_column(name: str, cells: Mapping[str, object]) -> Problem:
    there = clipped(", ".join(cells) or "none", _NAMES_SHOWN)
    folded = {column.casefold(): column for column in cells}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f"did you mean {_written(folded[near[0]])}?" if near else "use one of these"
    return Problem(
        "template_missing_column",
        f"the template asks for a column {clipped(name)!r}, but there are only {there}; {hint}",
        column=name,
    )


def _written(column: str) -> str:
    return f"{{{{ {column} }}}}" if column.isidentifier() else f'{{{{ {ROW}["{column}"] }}}}'
