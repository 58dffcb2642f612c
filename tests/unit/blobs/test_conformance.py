"""What both stores promise, asked of both."""

import hashlib
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from darkroom.blobs import BlobMissing, BlobStore, StorageFailed, open_store

from .conftest import laid_out

ABSENT = "0" * 64
MIB = 1 << 20


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 5000], ids=len)
def test_what_is_put_comes_back_byte_for_byte(store: BlobStore, data: bytes):
    address = store.put(data)
    assert address == sha(data)
    assert store.get(address) == data
    assert store.size(address) == len(data)
    assert b"".join(store.read(address)) == data


def test_a_view_is_put_like_bytes(store: BlobStore):
    view = memoryview(b"....image....")[4:9]
    assert store.get(store.put(view)) == b"image"


def test_the_same_bytes_twice_are_one_blob(store: BlobStore):
    assert store.put(b"same") == store.put(b"same")
    assert store.get(sha(b"same")) == b"same"


def test_a_large_blob_goes_up_in_parts_and_comes_back(store: BlobStore):
    data = hashlib.shake_256(b"seed").digest(17 * MIB)
    address = store.put(data)
    assert store.put(data) == address
    assert [len(chunk) for chunk in store.read(address)] == [MIB] * 17
    assert store.get(address) == data


@pytest.mark.parametrize("size", [0, 1, 9 * MIB + 1])
def test_a_file_is_stored_like_its_bytes(store: BlobStore, tmp_path: Path, size: int):
    data = hashlib.shake_256(b"file").digest(size)
    source = tmp_path / "upload"
    source.write_bytes(data)
    assert store.put_file(source) == (sha(data), size)
    assert store.put_file(source) == (sha(data), size)
    assert store.get(sha(data)) == data
    assert source.read_bytes() == data


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, None, b"0123456789"),
        (3, 7, b"3456"),
        (8, 99, b"89"),
        (10, None, b""),
        (50, 60, b""),
        (4, 4, b""),
    ],
)
def test_a_range_is_read_as_a_slice(store: BlobStore, start: int, end: int | None, expected: bytes):
    assert b"".join(store.read(store.put(b"0123456789"), start, end)) == expected


def test_a_range_across_chunks(store: BlobStore):
    data = hashlib.shake_256(b"range").digest(9 * MIB)
    address = store.put(data)
    assert b"".join(store.read(address, MIB - 1, 8 * MIB + 5)) == data[MIB - 1 : 8 * MIB + 5]


@pytest.mark.parametrize(("start", "end"), [(-1, None), (5, 4), (0, -1)])
def test_a_backward_range_is_refused(store: BlobStore, start: int, end: int | None):
    address = store.put(b"0123456789")
    with pytest.raises(ValueError, match="are no range"):
        store.read(address, start, end)


@pytest.mark.parametrize("ask", ["get", "read", "size"])
def test_a_missing_blob_is_missing_at_the_call(store: BlobStore, ask: str):
    with pytest.raises(BlobMissing, match=ABSENT):
        getattr(store, ask)(ABSENT)


def test_no_local_file_of_a_missing_blob(store: BlobStore):
    with pytest.raises(BlobMissing), store.local(ABSENT):
        pytest.fail("lent a file of nothing")


def test_a_blob_deleted_under_a_reader_is_missing(store: BlobStore):
    address = store.put(b"soon gone")
    chunks = store.read(address)
    store.delete(address)
    with pytest.raises(BlobMissing):
        list(chunks)


@pytest.mark.parametrize("address", ["", "abc", "A" * 64, "../" * 21 + "x", "0" * 64 + "\n"])
@pytest.mark.parametrize("ask", ["get", "read", "size", "path", "delete"])
def test_what_is_no_address_is_refused(store: BlobStore, ask: str, address: str):
    with pytest.raises(ValueError, match="is not a SHA-256"):
        getattr(store, ask)(address)


def test_delete_is_idempotent(store: BlobStore):
    address = store.put(b"x")
    store.delete(address)
    store.delete(address)
    with pytest.raises(BlobMissing):
        store.get(address)
    assert store.put(b"x") == address
    assert store.get(address) == b"x"


def test_a_local_file_can_be_had_of_any_blob(store: BlobStore):
    address = store.put(b"for a parser")
    with store.local(address) as path:
        assert path.read_bytes() == b"for a parser"
        assert store.path(address) in (path, None)


@pytest.mark.parametrize("data", [b"", b"receipt", memoryview(b"view"), [b"a", b"", b"bc"], []])
def test_a_named_object_comes_back(store: BlobStore, data: bytes | memoryview | list[bytes]):
    store.keep("receipts/1", data)
    assert store.kept("receipts/1") == (b"".join(data) if isinstance(data, list) else bytes(data))


def test_a_large_named_object_is_streamed(store: BlobStore):
    store.keep("receipts/large", (bytes([n]) * MIB for n in range(18)))
    assert store.kept("receipts/large") == b"".join(bytes([n]) * MIB for n in range(18))


def test_a_named_object_is_replaced_and_dropped(store: BlobStore):
    store.keep("receipts/1", b"first, and longer")
    store.keep("receipts/1", b"second")
    assert store.kept("receipts/1") == b"second"
    store.drop("receipts/1")
    store.drop("receipts/1")
    assert store.kept("receipts/1") is None


@pytest.mark.parametrize("size", [10, 9 * MIB])
def test_a_broken_source_leaves_what_was_kept(store: BlobStore, size: int):
    def breaking():
        yield b"x" * size
        raise KeyError("the source broke")

    store.keep("receipts/1", b"before")
    with pytest.raises(KeyError, match="the source broke"):
        store.keep("receipts/1", breaking())
    assert store.kept("receipts/1") == b"before"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "a//b",
        "a/",
        "../x",
        "a/../b",
        "a/./b",
        "a b",
        "ä",
        "a\0",
        "a\n",
        "x" * 256,
    ],
)
def test_a_hurtful_name_is_refused(store: BlobStore, name: str):
    for ask in (store.kept, store.drop, lambda name: store.keep(name, b"x")):
        with pytest.raises(ValueError, match="cannot name an object"):
            ask(name)


def test_names_are_listed_by_prefix_with_their_time(store: BlobStore):
    for name in ("receipts/a1", "receipts/a2", "receipts/b/c", "other/a1", "receiptsx"):
        store.keep(name, b"x")

    def listed(prefix: str) -> set[str]:
        return {name for name, _ in store.kept_names(prefix)}

    assert listed("receipts/") == {"receipts/a1", "receipts/a2", "receipts/b/c"}
    assert listed("receipts/a") == {"receipts/a1", "receipts/a2"}
    assert listed("receipts") == {"receipts/a1", "receipts/a2", "receipts/b/c", "receiptsx"}
    assert listed("nothing/") == set()
    assert len(listed("")) == 5
    now = datetime.now(UTC)
    assert all(abs(now - written) < timedelta(minutes=1) for _, written in store.kept_names(""))


def test_a_prefix_outside_the_store_is_refused(store: BlobStore):
    with pytest.raises(ValueError, match="cannot"):
        store.kept_names("../")


def test_what_was_stored_again_is_not_discarded(store: BlobStore):
    address, now = store.put(b"x"), datetime.now(UTC)
    assert store.discard(address, now - timedelta(hours=1)) is None
    assert store.get(address) == b"x"
    assert store.discard(address, now + timedelta(hours=1)) == 1
    with pytest.raises(BlobMissing):
        store.get(address)
    assert store.discard(address, now) == 0


def test_blobs_and_named_objects_do_not_mix(store: BlobStore):
    address = store.put(b"x")
    store.keep("x", b"y")
    assert [name for name, _ in store.kept_names("")] == ["x"]
    store.drop("x")
    assert store.get(address) == b"x"


def test_the_check_leaves_nothing(store: BlobStore):
    store.check()
    assert list(store.kept_names("")) == []


def test_a_second_store_on_the_same_url_sees_the_same(bucket_url: str, tmp_path: Path):
    for url in (bucket_url, tmp_path.as_uri()):
        address = laid_out(url).put(b"shared")
        assert open_store(url).get(address) == b"shared"


def test_put_does_not_copy_its_data(store: BlobStore):
    data = memoryview(bytes(6 * MIB))
    tracemalloc.start()
    try:
        store.put(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MIB


def test_a_store_is_laid_out_once_and_keeps_its_name(bare: BlobStore):
    assert bare.identity() is None
    bare.lay_out("first")
    bare.lay_out("first")
    address = bare.put(b"x")
    with pytest.raises(StorageFailed, match="write second into the file identity there"):
        bare.lay_out("second")
    assert (bare.identity(), bare.get(address)) == ("first", b"x")
    assert list(bare.kept_names("")) == []
