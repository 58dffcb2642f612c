"""The reference says what the code says."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return dict(runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]())


@pytest.mark.parametrize("name", ["commands.md", "settings.md", "http.md"])
def test_the_reference_is_written_from_the_code(written, name):
    kept = (ROOT / "docs" / "reference" / name).read_text("utf-8")
    assert kept == written[name], "run `make docs` and commit what it writes"


def test_every_page_of_the_reference_is_written(written):
    assert {path.name for path in (ROOT / "docs" / "reference").iterdir()} == set(written)


def test_no_summary_of_a_command_is_cut(written):
    """Eighty columns are what many terminals have."""
    cut = re.findall(r"^  [a-z]+ .*\.\.\.$", written["commands.md"], re.MULTILINE)
    assert cut == []
