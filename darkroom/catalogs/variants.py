"""The variants of each product: all combinations of the axes, or their values side by side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from darkroom.domain.catalog import MAIN

COMBINE, SKIP = "combine", "skip"
VARIANTS_LIMIT = 1000

Rule = Mapping[str, object]
"""Values by column or axis; what has all of them is skipped."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to show a product: its name, the template it uses, and what it puts beside the row's cells."""

    name: str
    template: str
    cells: Mapping[str, str]
    skip: tuple[Rule, ...] = ()

    def skips(self, cells: Mapping[str, object]) -> bool:
        """Whether a rule leaves this product out.

        >>> ring = Variant("side", "", {"angle": "side"}, ({"angle": "side", "Type": "Ring"},))
        >>> ring.skips({"Type": "ring "}), ring.skips({"Type": "Mug"})
        (True, False)
        """
        all_cells = {**cells, **self.cells}
        return any(
            all(_same(all_cells.get(name), value) for name, value in rule.items())
            for rule in self.skip
        )


def _same(cell: object, value: object) -> bool:
    return str(cell).strip().casefold() == str(value).strip().casefold()


def variants(
    templates: Sequence[str],
    axes: Mapping[str, Sequence[str]],
    combine: str,
    skip: Iterable[Rule] = (),
) -> tuple[Variant, ...]:
    """All variants of a recipe, those that every product skips left out.

    Raises:
        ValueError: the axes cannot be combined like that.

    >>> axes = {"angle": ["front", "side"], "background": ["white", "oak"]}
    >>> [one.name for one in variants([""], axes, "product", [{"angle": "side", "background": "oak"}])]
    ['front-white', 'front-oak', 'side-white']
    >>> [one.name for one in variants(["hero", "detail"], axes, "zip")]
    ['hero-front-white', 'hero-side-oak', 'detail-front-white', 'detail-side-oak']
    >>> [one.name for one in variants([""], {}, "product")]
    ['main']
    """
    rules = tuple(rule for rule in skip if rule)
    made = [
        Variant("-".join(filter(None, (template, *values))) or MAIN, template, cells, rules)
        for template in templates
        for values in _combined(axes, combine)
        if not _always(cells := dict(zip(axes, values, strict=True)), rules)
    ]
    _require_sound(made)
    return tuple(made)


def _combined(axes: Mapping[str, Sequence[str]], combine: str) -> Iterator[tuple[str, ...]]:
    if combine == "product":
        return product(*axes.values())
    if combine != "zip":
        raise ValueError(f"combine must be `product` or `zip`, not {combine!r}")
    if len({len(values) for values in axes.values()}) > 1:
        raise ValueError("to be zipped all lists must be equally long; make them so, or multiply")
    return iter(zip(*axes.values(), strict=True)) if axes else iter([()])


def _always(cells: Mapping[str, str], rules: Iterable[Rule]) -> bool:
    """Whether a rule that speaks of axes alone skips these values."""
    return any(all(_same(cells.get(name), value) for name, value in rule.items()) for rule in rules)


def _require_sound(made: Sequence[Variant]) -> None:
    if not made:
        raise ValueError("every variant is skipped; take a rule out")
    if len(made) > VARIANTS_LIMIT:
        raise ValueError(
            f"{len(made):,} variants are more than {VARIANTS_LIMIT:,}; shorten the lists"
        )
    names = [one.name.casefold() for one in made]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two variants are both named {twice!r}; rename a value")
