"""The directory that a site reads: whole at every moment, whatever dies."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from darkroom.catalogs.publishing import Exhibit, NotOurs, publish


def exhibit(sku, content, variant="main"):
    return Exhibit(sku, variant, content, "png", "", {"state": "made"})


def bring(one, path):
    path.write_text(one.sha256)


def images(root):
    current = root / "current"
    return {str(p.relative_to(current)): p.read_text() for p in sorted(current.rglob("*.png"))}


def test_a_version_replaces_another_and_shares_what_is_the_same(tmp_path):
    publish(tmp_path, 1, [exhibit("a", "one"), exhibit("b/c", "two")], bring)
    assert images(tmp_path) == {"a/main.png": "one", "b%2Fc/main.png": "two"}
    brought = []
    shown = [exhibit("a", "one"), exhibit("b/c", "new"), Exhibit("d", "main", None, "", "", {})]
    publish(tmp_path, 2, shown, lambda one, path: (brought.append(one.sku), bring(one, path)))
    assert brought == ["b/c"]
    assert images(tmp_path) == {"a/main.png": "one", "b%2Fc/main.png": "new"}
    assert (tmp_path / "versions" / "1" / "a" / "main.png").stat().st_nlink == 2
    with (tmp_path / "current" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["sku"], row["file"]) for row in rows] == [
        ("a", "a/main.png"), ("b/c", "b%2Fc/main.png"), ("d", ""),
    ]  # fmt: skip


def test_names_that_one_file_system_takes_for_one_are_two(tmp_path):
    publish(tmp_path, 1, [exhibit("Mug", "one"), exhibit("mug", "two")], bring)
    assert images(tmp_path) == {"Mug/main.png": "one", "mug~2/main.png": "two"}


def test_a_directory_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "current").mkdir()
    with pytest.raises(NotOurs):
        publish(tmp_path, 1, [exhibit("a", "one")], bring)
    assert [path.name for path in tmp_path.iterdir()] == ["current"]


def test_the_same_version_may_come_again(tmp_path):
    publish(tmp_path, 1, [exhibit("a", "one")], bring)
    publish(tmp_path, 1, [exhibit("a", "one"), exhibit("b", "two")], bring)
    assert (tmp_path / "current").readlink() == Path("versions/1-2")
    assert len(images(tmp_path)) == 2


@pytest.mark.parametrize("until", ["0", "3"])
def test_killed_in_the_middle_it_shows_the_old_version_whole(tmp_path, until):
    def started(number, until):
        argv = [sys.executable, Path(__file__).with_name("publisher.py"), tmp_path, number, until]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen(list(map(str, argv)), text=True, **pipes)

    with started("1", "none") as first:
        assert first.stdout.readline() == "published\n"
    before = images(tmp_path)
    assert before == {f"sku-{n}/main.png": "1" for n in range(4)}
    with started("2", until) as killed:
        assert killed.stdout.readline() == "in the middle\n"
        killed.kill()
    assert images(tmp_path) == before
    with started("3", "none") as another:
        assert another.stdout.readline() == "published\n"
    assert images(tmp_path) == {f"sku-{n}/main.png": "3" for n in range(4)}
    folders = {path.name for path in (tmp_path / "versions").iterdir() if path.is_dir()}
    assert folders == {"1", "3"}, "nothing of what was killed is left"
