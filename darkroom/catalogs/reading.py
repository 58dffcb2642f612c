"""Reads a plan as the night will: every item checked, priced and known by its fingerprint."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from darkroom import sheets
from darkroom.catalogs.plan import SKU, VARIANT
from darkroom.domain.batchfile import Draft, Intake, survey
from darkroom.domain.catalog import Wanted, fingerprint
from darkroom.domain.models import Models
from darkroom.domain.problem import BadInput, Problem
from darkroom.sheets import Format, Row

PROBLEMS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan's file; nothing of it is kept in memory but what `wanted` gives."""

    path: Path
    provider: str
    models: Models

    def wanted(self) -> list[Wanted]:
        """Every item.

        Raises:
            BadInput: an item cannot be used; every one is named.
        """
        intake = Intake(survey((row.line, row.cells) for row in self._rows()), self.models)
        found: list[Wanted] = []
        problems: list[Problem] = []
        for row in self._rows():
            one = self._wanted(intake, row)
            if isinstance(one, Wanted):
                found.append(one)
            else:
                problems += one[: PROBLEMS_KEPT - len(problems)]
        if problems:
            raise BadInput(problems)
        return found

    def lines(self, custom_ids: Collection[str]) -> Iterator[bytes]:
        """The rows of these items as lines of a batch's file."""
        for row in self._rows():
            if row.cells["custom_id"] in custom_ids:
                kept = {
                    name: cell for name, cell in row.cells.items() if name not in {SKU, VARIANT}
                }
                yield json.dumps(kept, ensure_ascii=False).encode() + b"\n"

    def _rows(self) -> Iterator[Row]:
        for row in sheets.read(self.path, format=Format.JSONL):
            if isinstance(row, Problem):
                raise BadInput([row])
            yield row

    def _wanted(self, intake: Intake, row: Row) -> Wanted | tuple[Problem, ...]:
        draft = intake.draft(row.line, row.cells)
        if not isinstance(draft, Draft):
            return draft
        sku, variant = row.cells.get(SKU), row.cells.get(VARIANT)
        if not isinstance(sku, str) or not isinstance(variant, str):
            message = f"a plan's line has {SKU} and {VARIANT}; write both"
            return (Problem("item_missing", message, line=row.line),)
        request = draft.priced.request
        return Wanted(
            sku=sku,
            variant=variant,
            fingerprint=fingerprint(self.provider, request.endpoint, variant, request.body()),
            custom_id=draft.custom_id,
            line=row.line,
            prompt=draft.priced.prompt,
            expected=draft.priced.expected,
            bound=draft.priced.bound,
        )
