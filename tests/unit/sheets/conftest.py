"""Real files: bytes on disk, and workbooks written part by part."""

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from darkroom.domain.problem import BadInput, Problem
from darkroom.sheets import Format, Row, read

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"

Put = Callable[[str, bytes], Path]
MakeWorkbook = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Write a file and say where it is."""

    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def rows_of(put: Put) -> Callable[..., list[Row | Problem]]:
    """Read bytes as a file of this name."""

    def rows(name: str, content: bytes, chosen: Format | None = None) -> list[Row | Problem]:
        return list(read(put(name, content), format=chosen))

    return rows


@pytest.fixture
def refusal(put: Put) -> Callable[[str, bytes], Problem]:
    """Read bytes that must be refused as a whole, for one reason."""

    def reason(name: str, content: bytes) -> Problem:
        with pytest.raises(BadInput) as caught:
            list(read(put(name, content)))
        assert len(caught.value.problems) == 1
        return caught.value.problems[0]

    return reason


def text_cell(place: str, text: str) -> str:
    kept = escape(text)
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{kept}</t></is></c>'


def sheet_of(rows: Mapping[int, Sequence[str]]) -> str:
    """A sheet of text cells: rows by number, empty texts left out."""
    return "".join(
        f'<row r="{number}">'
        + "".join(
            text_cell(f"{chr(ord('A') + column)}{number}", cell)
            for column, cell in enumerate(cells)
            if cell
        )
        + "</row>"
        for number, cells in rows.items()
    )


@pytest.fixture
def make_workbook(tmp_path: Path) -> MakeWorkbook:
    """Write a workbook: its sheets by name, each the XML of its rows; `hidden` names those not shown."""

    def make(
        sheets: Mapping[str, str],
        *,
        hidden: Sequence[str] = (),
        extra: Mapping[str, bytes] | None = None,
        name: str = "list.xlsx",
    ) -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for part, content in _parts(sheets, hidden).items():
                archive.writestr(part, content)
            for part, raw in (extra or {}).items():
                archive.writestr(part, raw)
        return path

    return make


def _parts(sheets: Mapping[str, str], hidden: Sequence[str]) -> dict[str, str]:
    entries = relations = ""
    parts: dict[str, str] = {}
    for number, (name, rows) in enumerate(sheets.items(), 1):
        state = ' state="hidden"' if name in hidden else ""
        entries += f'<sheet name="{name}" sheetId="{number}"{state} r:id="rId{number}"/>'
        relations += (
            f'<Relationship Id="rId{number}" Type="{RELATIONS}/worksheet"'
            f' Target="worksheets/sheet{number}.xml"/>'
        )
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        )
    styles = f'<Relationship Id="rId99" Type="{RELATIONS}/styles" Target="styles.xml"/>'
    return parts | {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1"'
        f' Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>{entries}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        f"{relations}{styles}</Relationships>",
        # Style 1 is a date, 2 a date with time.
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs count="3"><xf numFmtId="0"/>'
        '<xf numFmtId="14"/><xf numFmtId="22"/></cellXfs></styleSheet>',
    }
