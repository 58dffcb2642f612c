"""A directory that a site can read: `current` leads to one whole version, then at once to another."""

import csv
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from darkroom.domain.naming import Names
from darkroom.domain.request import EXTENSION_OF

CURRENT, VERSIONS, MANIFEST = "current", "versions", "manifest.csv"
COLUMNS = (
    *("sku", "variant", "file", "state", "sha256", "bytes", "width", "height", "format"),
    *("prompt", "parameters", "cost_usd", "request_id", "batch_id", "checks", "failure"),
)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One item to be published; without an image it has `sha256` None and stands in the manifest alone.

    `url` is where whoever brings the bytes finds them; `facts` are the rest of its manifest row.
    """

    sku: str
    variant: str
    sha256: str | None
    format: str
    url: str
    facts: Mapping[str, Any]


Bring = Callable[[Exhibit, Path], None]
"""Puts the bytes of an exhibit into a file that is not there yet."""


class NotOurs(Exception):  # noqa: N818 - named for what is in the way
    """`current` is no link of ours; nothing was touched."""


def publish(root: Path, number: int, exhibits: Iterable[Exhibit], bring: Bring) -> Path:
    """Puts a version beside the others and then, in one step, makes it the current one.

    What an earlier version has is linked, not brought again. Whatever stops this, `current` is the
    old version or the new one, whole.

    Raises:
        NotOurs: `current` is there and no link.
        OSError: the directory cannot be written.
    """
    current = root / CURRENT
    if current.exists() and not current.is_symlink():
        raise NotOurs(str(current))
    folder = root / VERSIONS
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        for left in folder.glob(".*.part"):  # by one that was killed
            shutil.rmtree(left, ignore_errors=True)
        part = folder / f".{number}.part"
        part.mkdir()
        _write(part, exhibits, bring, _known(current))
        _sync(part)
        target = _free(folder, number)
        part.rename(target)
        _turn(root, current, target)
    return target


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two who publish into one directory take turns; the lock of whoever dies is gone with them."""
    with (folder / ".lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(
    part: Path, exhibits: Iterable[Exhibit], bring: Bring, known: Mapping[str, Path]
) -> None:
    with (part / MANIFEST).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for name, exhibit in named(exhibits):
            if name is not None:
                _place(part / name, exhibit, bring, known)
            rows.writerow(_row(name, exhibit))
        file.flush()
        os.fsync(file.fileno())


def named(exhibits: Iterable[Exhibit]) -> Iterator[tuple[str | None, Exhibit]]:
    """Each exhibit with its path below the version: `<sku>/<variant>.<ext>`, safe on every system.

    >>> mug = Exhibit("mug/1", "front", "ab", "jpeg", "", {})
    >>> [name for name, _ in named([mug])]
    ['mug%2F1/front.jpg']
    """
    skus, folders = Names(), dict[str, str]()
    variants: dict[str, Names] = {}
    for one in exhibits:
        if one.sha256 is None:
            yield None, one
            continue
        if one.sku not in folders:
            folders[one.sku] = skus.claim(one.sku, 1)[0]
        stem = variants.setdefault(one.sku, Names()).claim(one.variant, 1)[0]
        yield f"{folders[one.sku]}/{stem}.{EXTENSION_OF.get(one.format, one.format)}", one


def _place(path: Path, exhibit: Exhibit, bring: Bring, known: Mapping[str, Path]) -> None:
    path.parent.mkdir(exist_ok=True)
    before = known.get(exhibit.sha256 or "")
    if before is not None and before.is_file():
        try:
            path.hardlink_to(before)
        except OSError:  # another file system, or one without links
            shutil.copyfile(before, path)
        return
    bring(exhibit, path)


def _row(name: str | None, exhibit: Exhibit) -> Sequence[object]:
    facts = {**exhibit.facts, "parameters": json.dumps(exhibit.facts.get("parameters", {}))}
    known = {"sku": exhibit.sku, "variant": exhibit.variant, "file": name or ""}
    known |= {"sha256": exhibit.sha256 or "", "format": exhibit.format}
    return [{**facts, **known}.get(column, "") for column in COLUMNS]


def _known(current: Path) -> dict[str, Path]:
    """The images of the current version by their content."""
    manifest = current / MANIFEST
    if not manifest.is_file():
        return {}
    with manifest.open(encoding="utf-8", newline="") as file:
        return {
            row["sha256"]: current.resolve() / row["file"]
            for row in csv.DictReader(file)
            if row.get("sha256") and row.get("file")
        }


def _free(folder: Path, number: int) -> Path:
    """A name that no version has: a retry may bring the same version once more, and more of it."""
    names = (str(number) if again == 1 else f"{number}-{again}" for again in count(1))
    return next(folder / name for name in names if not (folder / name).exists())


def _turn(root: Path, current: Path, target: Path) -> None:
    link = root / f".{CURRENT}.part"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(VERSIONS) / target.name)
    link.replace(current)
    _sync(root)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
