"""Reads a plan as the night will: every item checked, priced and known by its fingerprint."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from darkroom import sheets
from darkroom.catalogs.plan import SKU, VARIANT
from darkroom.catalogs.references import Contents, by_content, edit_of, unknown
from darkroom.domain.batchfile import Draft, Intake, survey
from darkroom.domain.catalog import Wanted, fingerprint
from darkroom.domain.models import Models
from darkroom.domain.problem import BadInput, Problem
from darkroom.domain.reference import Place, place_of
from darkroom.sheets import Format, Row

PROBLEMS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan's file; nothing of it is kept in memory but what `wanted` gives.

    Without `contents` nobody is asked which files there are: then its fingerprints are worth nothing.
    """

    path: Path
    provider: str
    models: Models
    contents: Contents | None = None

    def wanted(self) -> Iterator[Wanted]:
        """Every item.

        Raises:
            BadInput: at the end, if items cannot be used; every one is named.
        """
        intake = Intake(survey((row.line, row.cells) for row in self._rows()), self.models)
        contents = self._contents() if intake.names_pictures else None
        problems: list[Problem] = []
        for row in self._rows():
            one = self._wanted(intake, row, contents)
            if isinstance(one, Wanted):
                yield one
            else:
                problems += one[: PROBLEMS_KEPT - len(problems)]
        if problems:
            raise BadInput(problems)

    def check(self) -> None:
        """Looks at every item.

        Raises:
            BadInput: some cannot be used.
        """
        for _ in self.wanted():
            pass

    def lines(self, chosen: Iterator[int]) -> Iterator[bytes]:
        """The rows of these lines, which come in their order, as lines of a batch's file."""
        line = next(chosen, None)
        for row in self._rows():
            if line is None:
                return
            if row.line == line:
                kept = {
                    name: cell for name, cell in row.cells.items() if name not in {SKU, VARIANT}
                }
                yield json.dumps(kept, ensure_ascii=False).encode() + b"\n"
                line = next(chosen, None)

    def _rows(self) -> Iterator[Row]:
        for row in sheets.read(self.path, format=Format.JSONL):
            if isinstance(row, Problem):
                raise BadInput([row])
            yield row

    def _contents(self) -> Mapping[str, str] | None:
        """The sha256 of every file that a row names."""
        if self.contents is None:
            return None
        edits = (edit for row in self._rows() if (edit := edit_of(row.cells)))
        named = {one for edit in edits for one in edit.references}
        return self.contents([one for one in named if place_of(one) is Place.FILE])

    def _wanted(
        self, intake: Intake, row: Row, contents: Mapping[str, str] | None
    ) -> Wanted | tuple[Problem, ...]:
        draft = intake.draft(row.line, row.cells)
        if not isinstance(draft, Draft):
            return draft
        if draft.edit and contents is not None:
            if gone := tuple(unknown(draft.edit, contents)):
                return tuple(one.at(row.line, draft.custom_id) for one in gone)
            draft = draft.with_edit(by_content(draft.edit, contents))
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
            seconds=draft.priced.terms.seconds,
        )
