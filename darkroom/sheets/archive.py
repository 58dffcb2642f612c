"""Looks at a workbook's archive before anything unpacks it: too large, or too densely packed."""

import zipfile
import zlib
from pathlib import Path

from darkroom.domain.problem import BadInput
from darkroom.sheets.row import refused
from darkroom.sheets.survey import require_modest

UNPACKED_LIMIT = 512 * 1_048_576
"""Bytes of all parts together, unpacked."""

RATIO_LIMIT = 200
"""Unpacked bytes for one packed byte; the XML of real sheets packs 10 to 60 times."""

RATIO_FREE = 16 * 1_048_576
"""Bytes up to which the ratio does not matter."""


def require_workbook(path: Path) -> None:
    """Let a workbook pass that can be opened without harm.

    Raises:
        BadInput: no ZIP archive, no workbook inside, or larger than the limits.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _require_parts(archive)
            require_modest(archive)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise damaged(error) from error


def damaged(error: Exception) -> BadInput:
    """The refusal of a workbook that cannot be unpacked."""
    return refused(
        "damaged_workbook",
        f"the Excel workbook cannot be opened ({error}); save it as .xlsx again, without a password",
    )


def _require_parts(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise refused(
            "not_a_prompt_list",
            "not a prompt list: looks like a ZIP archive without an Excel workbook; save it as .xlsx",
        )
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if unpacked > UNPACKED_LIMIT:
        raise refused(
            "workbook_too_large",
            f"the workbook unpacks to {unpacked:,} bytes, more than {UNPACKED_LIMIT:,}; save it as CSV",
        )
    if unpacked > RATIO_FREE and unpacked > packed * RATIO_LIMIT:
        raise refused(
            "workbook_too_large",
            f"the workbook unpacks to {unpacked // max(packed, 1)} times its size,"
            f" more than {RATIO_LIMIT} times; save it as CSV",
        )
