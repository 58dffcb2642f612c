"""The disk when it is full, shared, cut off in the middle, or gone."""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from darkroom.blobs import StorageFailed, open_store
from darkroom.blobs.keys import IDENTITY

from .conftest import laid_out

MIB = 1 << 20


def python(
    program: str, *arguments: str | Path, before: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def files(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if path.name != IDENTITY)


def test_the_layout_is_private(tmp_path: Path):
    root = tmp_path / "new" / "store"
    store = laid_out(root.as_uri())
    address = store.put(b"x")
    store.keep("receipts/deep/1", b"y")
    blob = root / "blobs" / address[:2] / address[2:4] / address
    assert files(root) == [blob, root / "named" / "receipts" / "deep" / "1"]
    assert store.path(address) == blob
    folders = [path for path in root.rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o777 for path in [root, *folders]} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in files(root)} == {0o600}


def test_an_existing_directory_keeps_its_permissions(tmp_path: Path):
    tmp_path.chmod(0o751)
    laid_out(tmp_path.as_uri()).put(b"x")
    assert tmp_path.stat().st_mode & 0o777 == 0o751


@pytest.mark.parametrize("again", ["put", "put_file"])
def test_bytes_that_are_stored_again_count_as_new(tmp_path: Path, again: str):
    store = laid_out((tmp_path / "blobs").as_uri())
    address, source = store.put(b"x"), tmp_path / "source"
    source.write_bytes(b"x")
    os.utime(store.path(address), (0, 0))
    store.put(b"x") if again == "put" else store.put_file(source)
    assert store.path(address).stat().st_mtime > time.time() - 60


def test_the_same_bytes_are_not_written_twice(tmp_path: Path):
    store = laid_out(tmp_path.as_uri())
    first = store.path(store.put(b"x")).stat()
    source = tmp_path / "source"
    source.write_bytes(b"x")
    store.put_file(source)
    assert store.path(store.put(b"x")).stat().st_ino == first.st_ino


def test_a_blob_of_wrong_length_is_healed(tmp_path: Path):
    store = laid_out(tmp_path.as_uri())
    store.path(store.put(b"whole")).write_bytes(b"who")
    assert store.get(store.put(b"whole")) == b"whole"


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The order of syncs and renames, which alone decides what a power cut leaves."""
    events: list[str] = []
    sync, rename = os.fsync, os.replace

    def recording_sync(descriptor: int) -> None:
        sync(descriptor)
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        events.append(f"sync {kind}")

    def recording_rename(source: Path, target: Path) -> None:
        rename(source, target)
        events.append("rename")

    monkeypatch.setattr(os, "fsync", recording_sync)
    monkeypatch.setattr(os, "replace", recording_rename)
    return events


@pytest.mark.parametrize("store_it", ["put", "put_file"])
def test_a_blob_is_durable_before_it_is_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_it: str
):
    store = laid_out((tmp_path / "store").as_uri())
    source = tmp_path / "source"
    source.write_bytes(b"x")
    events = recorded(monkeypatch)
    getattr(store, store_it)(b"x" if store_it == "put" else source)
    new_folders = ["sync folder"] * 2
    assert events == ["sync file", *new_folders, "rename", "sync folder"]


def test_a_named_object_costs_no_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = laid_out(tmp_path.as_uri())
    store.keep("receipts/1", b"x")
    events = recorded(monkeypatch)
    store.keep("receipts/2", b"x")
    assert events == ["rename"]


def test_a_missing_source_is_named(tmp_path: Path):
    store = laid_out(tmp_path.as_uri())
    with pytest.raises(StorageFailed, match=r"store a file: No such file or directory .*nowhere"):
        store.put_file(tmp_path / "nowhere")
    assert files(tmp_path) == []


def test_a_storage_that_is_a_file_cannot_be_laid_out(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    store = open_store((tmp_path / "file").as_uri())
    for ask in (store.check, lambda: store.lay_out("of-the-test")):
        with pytest.raises(StorageFailed, match="Not a directory"):
            ask()


def test_opening_a_directory_makes_nothing(tmp_path: Path):
    store = open_store((tmp_path / "disk" / "store").as_uri())
    store.check()
    assert store.identity() is None
    with pytest.raises(StorageFailed, match="check that the disk is mounted"):
        store.put(b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("older", [False, True], ids=["bare", "laid out once by mistake"])
def test_an_unmounted_disk_fails_instead_of_being_made_anew(tmp_path: Path, *, older: bool):
    """Neither is written to the disk below, nor is said of it that what is on the other one is gone."""
    root, away = tmp_path / "store", tmp_path / "away"
    store = laid_out(root.as_uri())
    there = store.put(b"x")
    store.keep("receipts/1", b"x")
    root.rename(away)
    root.mkdir()
    if older:
        open_store(root.as_uri()).lay_out("another")
    before = sorted(tmp_path.rglob("*"))
    asked = (
        lambda: store.put(b"y"),
        lambda: store.put_file(away / "identity"),
        lambda: store.keep("receipts/2", b"y"),
        lambda: store.get(there),
        lambda: store.size(there),
        lambda: store.kept("receipts/1"),
        lambda: list(store.kept_names("receipts/")),
        lambda: store.drop("receipts/1"),
        lambda: store.delete(there),
        lambda: store.discard(there, datetime.now(UTC)),
        store.free_bytes,
        store.sweep,
        store.check,
    )
    for ask in asked:
        with pytest.raises(StorageFailed, match="is not the storage of this database"):
            ask()
    assert sorted(tmp_path.rglob("*")) == before
    shutil.rmtree(root)
    away.rename(root)
    assert (store.get(there), store.kept("receipts/1")) == (b"x", b"x")


def test_free_bytes_are_the_volume_s(tmp_path: Path):
    free = laid_out(tmp_path.as_uri()).free_bytes()
    assert free == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.05)


FULL = """
import os, subprocess, sys
from pathlib import Path
from darkroom.blobs import StorageFailed, open_store
root = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", root], check=True)
store = open_store(root.as_uri())
store.lay_out("of-the-test")
small = store.put(b"small")
source = Path(sys.argv[2])
for attempt in (lambda: store.put(source.read_bytes()), lambda: store.put_file(source),
                lambda: store.keep("receipts/1", source.read_bytes())):
    try:
        attempt()
    except StorageFailed as failure:
        print(failure)
left = sorted((path.name for path in root.rglob("*") if path.is_file()), key=len)
print(left == ["identity", small] and store.get(small) == b"small" and store.free_bytes() > 900_000)
"""


def test_a_full_disk_fails_cleanly(tmp_path: Path):
    namespace = ("unshare", "--user", "--map-root-user", "--mount")
    probe = 'mount -t tmpfs tmpfs "$0"'
    if (
        not shutil.which("unshare")
        or subprocess.run([*namespace, "sh", "-c", probe, tmp_path], check=False).returncode
    ):
        pytest.skip("this machine does not let a test mount a small disk")
    root, source = tmp_path / "disk", tmp_path / "source"
    root.mkdir()
    source.write_bytes(os.urandom(2 * MIB))
    with python(FULL, root, source, before=namespace) as child:
        lines = child.communicate()[0].splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == [
        "could not store a blob",
        "could not store a file",
        "could not keep a named object",
    ]
    assert all(
        "No space left on device" in line and "free some space" in line for line in lines[:3]
    )
    assert lines[3] == "True"


LIMITED = """
import resource, sys
from darkroom.blobs import StorageFailed, open_store
store = open_store(sys.argv[1])
store.lay_out("of-the-test")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    store.put(bytes(200_000))
except StorageFailed as failure:
    print(failure.fix)
"""


def test_a_write_cut_short_leaves_nothing(tmp_path: Path):
    with python(LIMITED, tmp_path.as_uri()) as child:
        assert child.communicate()[0].strip() == "raise the largest file size (ulimit -f)"
    assert files(tmp_path) == []


PUT_FILE = """
import sys
from pathlib import Path
from darkroom.blobs import open_store
store = open_store(sys.argv[1])
store.lay_out("of-the-test")
store.put_file(Path(sys.argv[2]))
"""


def test_a_writer_killed_in_the_middle_leaves_no_visible_blob(tmp_path: Path):
    root, pipe = tmp_path / "store", tmp_path / "pipe"
    os.mkfifo(pipe)
    with python(PUT_FILE, root.as_uri(), pipe) as child, pipe.open("wb", buffering=0) as upload:
        upload.write(bytes(4 * MIB))  # returns when all but a pipe's content has been taken over
        child.kill()
    (leftover,) = files(root)
    assert leftover.parent == root / "tmp"
    assert leftover.stat().st_size > MIB

    store = laid_out(root.as_uri())
    assert store.sweep() == 0
    yesterday = time.time() - 86_500
    os.utime(leftover, (yesterday, yesterday))
    assert store.sweep() == 1
    assert files(root) == []


PUT_FOREVER = """
import os, sys
from darkroom.blobs import open_store
store = open_store(sys.argv[1])
store.lay_out("of-the-test")
while True:
    print(store.put(os.urandom(300_000)), flush=True)
"""


def test_every_visible_blob_of_a_killed_writer_is_whole(tmp_path: Path):
    with python(PUT_FOREVER, tmp_path.as_uri()) as child:
        assert child.stdout is not None
        promised = [child.stdout.readline().strip() for _ in range(20)]
        child.kill()
    blobs = files(tmp_path / "blobs")
    assert set(promised) <= {path.name for path in blobs}
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in blobs)


PUT_AT_A_SIGN = """
import sys
from darkroom.blobs import open_store
store = open_store(sys.argv[1])
store.lay_out("of-the-test")
print("ready", flush=True)
sys.stdin.readline()
for n in range(20):
    print(store.put(bytes([n]) * 500_000))
"""


def test_eight_processes_put_the_same_bytes_at_once(tmp_path: Path):
    children = [python(PUT_AT_A_SIGN, tmp_path.as_uri()) for _ in range(8)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [child.communicate()[0].split() for child in children]
    assert [child.returncode for child in children] == [0] * 8
    assert all(answer == answers[0] for answer in answers)
    assert sorted(path.name for path in files(tmp_path)) == sorted(answers[0])


def test_readers_see_the_old_or_the_new_never_a_mixture(tmp_path: Path):
    store = laid_out(tmp_path.as_uri())
    versions = [bytes([n]) * 200_000 for n in range(2)]
    store.keep("receipts/1", versions[0])
    done = threading.Event()

    def write() -> None:
        for n in range(200):
            store.keep("receipts/1", versions[n % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(store.kept("receipts/1"))
    writer.join()
    assert seen <= set(versions)
