"""The recipe of a catalog: what `catalog.toml` says, checked before a row is read."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from darkroom.catalogs.variants import COMBINE, SKIP, Variant, variants
from darkroom.domain.catalog import THRESHOLD
from darkroom.domain.checking import OPTIONAL, REROLLS_LIMIT, Checks
from darkroom.domain.problem import BadInput, Problem
from darkroom.domain.request import PARAMETER_OF

NAMES = "{sku}/{variant}.{ext}"
TAKES_LIMIT = 100
_PICTURES = frozenset({"image", "images", "mask", "mask_box"})
_TOP = frozenset(
    {"name", "table", "sku", "fold", "template", "templates", "parameters", "variants"}
    | {"images", "takes", "directory", "threshold", "checks"}
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """One catalog, as its owner wrote it down; `table` and `directory` are paths from the recipe's folder.

    `templates` by the name of the variant they begin, one under `""` if there is only one; `takes` is how many
    images each variant of a product gets; `images` maps an edit's columns to the table's.
    """

    name: str
    table: str
    templates: Mapping[str, str]
    variants: tuple[Variant, ...]
    sku: str | None = None
    fold: bool | None = None
    takes: int = 1
    parameters: Mapping[str, str | int] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    directory: str = "published"
    threshold: Decimal = THRESHOLD
    checks: Checks | None = None


def read_recipe(text: str) -> Recipe:
    """The recipe that this text is.

    Raises:
        BadInput: it is no TOML, or says something that cannot be done; every reason is named.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"this is not TOML: {error}; correct it"
        raise BadInput([Problem("recipe_not_toml", message)]) from None
    faults = _Faults()
    recipe = _read(given, faults)
    if faults.found:
        raise BadInput(faults.found)
    return recipe


class _Faults:
    """Reads values and notes what is wrong with them."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def note(self, key: str, message: str, value: object = None) -> None:
        shown = None if value is None else str(value)
        self.found.append(Problem("recipe_value", message, column=key, value=shown))

    def text(self, given: Mapping[str, Any], key: str, default: str | None = None) -> str:
        value = given.get(key, default)
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.note(key, "must be there and be text in quotes", given.get(key))
        return ""

    def table(self, given: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = given.get(key, {})
        if isinstance(value, dict):
            return value
        self.note(key, f"must be a table: write [{key}] and its values below", value)
        return {}


def _read(given: Mapping[str, Any], faults: _Faults) -> Recipe:
    for key in given.keys() - _TOP:
        faults.note(key, f"is nothing that a recipe says; use {', '.join(sorted(_TOP))}")
    templates = _templates(given, faults)
    return Recipe(
        name=_name(given, faults),
        table=faults.text(given, "table"),
        templates=templates,
        variants=_variants(faults.table(given, "variants"), tuple(templates), faults),
        sku=faults.text(given, "sku") if "sku" in given else None,
        fold=_fold(given, faults),
        takes=_takes(given, faults),
        parameters=_parameters(faults.table(given, "parameters"), faults),
        images=_images(faults.table(given, "images"), faults),
        directory=faults.text(given, "directory", "published"),
        threshold=_threshold(given, faults),
        checks=_checks(faults.table(given, "checks"), faults) if "checks" in given else None,
    )


def _name(given: Mapping[str, Any], faults: _Faults) -> str:
    name = faults.text(given, "name")
    if name and (PurePath(name).name != name or len(name) > 100 or name in {".", ".."}):  # noqa: PLR2004 - a name, not a text
        faults.note("name", "must be a short name without slashes", name)
    return name


def _templates(given: Mapping[str, Any], faults: _Faults) -> dict[str, str]:
    if "templates" not in given:
        return {"": faults.text(given, "template")}
    if "template" in given:
        faults.note("template", "stands beside [templates]; keep one of them")
    named = faults.table(given, "templates")
    return {name: faults.text(named, name) for name in named} or {"": ""}


def _variants(
    given: Mapping[str, Any], templates: Sequence[str], faults: _Faults
) -> tuple[Variant, ...]:
    axes = {name: value for name, value in given.items() if name not in {COMBINE, SKIP}}
    for name, values in axes.items():
        fine = isinstance(values, list) and values and all(isinstance(v, str) for v in values)
        if not fine or len(set(values)) != len(values):
            faults.note(f"variants.{name}", 'must be a list of different texts: ["a", "b"]', values)
            return ()
    skip = given.get(SKIP, [])
    if not isinstance(skip, list) or not all(isinstance(rule, dict) for rule in skip):
        faults.note("variants.skip", 'must be a list of rules: [{ angle = "side" }]', skip)
        return ()
    try:
        return variants(templates, axes, str(given.get(COMBINE, "product")), skip)
    except ValueError as error:
        faults.note("variants", str(error))
        return ()


def _fold(given: Mapping[str, Any], faults: _Faults) -> bool | None:
    fold = given.get("fold")
    if fold is not None and not isinstance(fold, bool):
        faults.note("fold", "must be true or false", fold)
        return None
    return fold


def _takes(given: Mapping[str, Any], faults: _Faults) -> int:
    takes = given.get("takes", 1)
    if isinstance(takes, int) and not isinstance(takes, bool) and 1 <= takes <= TAKES_LIMIT:
        return takes
    faults.note("takes", f"must be a whole number from 1 to {TAKES_LIMIT}", takes)
    return 1


def _parameters(given: Mapping[str, Any], faults: _Faults) -> dict[str, str | int]:
    known: dict[str, str | int] = {}
    for name, value in given.items():
        parameter = PARAMETER_OF.get(name)
        if parameter == "n":
            faults.note("parameters.n", "is written as `takes` at the top of a recipe", value)
        elif parameter is None:
            allowed = ", ".join(sorted({*PARAMETER_OF.values()} - {"n"}))
            faults.note(f"parameters.{name}", f"is no parameter; use {allowed}")
        elif isinstance(value, str | int) and not isinstance(value, bool):
            known[parameter] = value
        else:
            faults.note(f"parameters.{name}", "must be text or a whole number", value)
    return known


def _images(given: Mapping[str, Any], faults: _Faults) -> dict[str, str]:
    columns = sorted(_PICTURES & PARAMETER_OF.keys())
    for name in given.keys() - set(columns):
        faults.note(f"images.{name}", f"cannot be drawn from; {', '.join(columns) or 'drop it'}")
    return {name: faults.text(given, name) for name in given if name in columns}


def _threshold(given: Mapping[str, Any], faults: _Faults) -> Decimal:
    value = given.get("threshold", THRESHOLD)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and 0 <= value <= 1:
        return Decimal(str(value))
    faults.note("threshold", "must be a share from 0 to 1, such as 0.95", value)
    return THRESHOLD


def _checks(given: Mapping[str, Any], faults: _Faults) -> Checks:
    for name in given.keys() - {*OPTIONAL, "reroll", "budget"}:
        faults.note(f"checks.{name}", f"is no check; use {', '.join(OPTIONAL)}, reroll, budget")
    for name in given.keys() & {*OPTIONAL}:
        if not isinstance(given[name], bool):
            faults.note(f"checks.{name}", "must be true or false", given[name])
    left_out = frozenset(check for check in OPTIONAL if given.get(check) is False)
    reroll, budget = given.get("reroll", 0), given.get("budget")
    if not _is_number(reroll, int) or not 0 <= reroll <= REROLLS_LIMIT:
        faults.note("checks.reroll", f"must be a whole number from 0 to {REROLLS_LIMIT}", reroll)
        reroll = 0
    if budget is not None and (not _is_number(budget, int | float) or budget <= 0):
        faults.note("checks.budget", "must be an amount of US dollars, such as 5", budget)
    elif reroll and budget is None:
        faults.note("checks.budget", "must be there: what is made anew is paid for", None)
    return Checks(left_out, True, reroll, None if budget is None else Decimal(str(budget)))


def _is_number(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
