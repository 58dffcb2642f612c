"""A bucket whose server hangs, refuses, breaks, or knows less than S3."""

import socket
import traceback
from pathlib import Path

import pytest

from darkroom.blobs import BlobMissing, BlobStore, StorageFailed, open_store

from .conftest import ACCESS_KEY, SECRET_KEY, Refusing, refusing

ABSENT = "0" * 64


def failure_of(url: str) -> StorageFailed:
    store = open_store(url)
    failures = []
    for call in (lambda: store.put(b"x"), lambda: store.get(ABSENT), lambda: store.keep("a", b"x")):
        with pytest.raises(StorageFailed) as caught:
            call()
        failures.append(caught.value)
    assert len({failure.fix for failure in failures}) == 1
    for failure in failures:
        shown = "".join(traceback.format_exception(failure))
        assert ACCESS_KEY not in shown
        assert SECRET_KEY not in shown
    return failures[0]


def test_a_server_that_hangs_fails_within_its_timeout():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        store = open_store(
            f"s3://darkroom?endpoint=http://127.0.0.1:{deaf.getsockname()[1]}&timeout=1"
        )
        with pytest.raises(StorageFailed, match="did not answer in time"):
            store.get(ABSENT)


def test_a_server_that_is_away():
    assert (
        failure_of("s3://darkroom?endpoint=http://127.0.0.1:1&timeout=2").reason
        == "the S3 server cannot be reached"
    )


def test_a_refused_key_is_not_repeated():
    body = f"<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>{ACCESS_KEY}</AWSAccessKeyId></Error>"
    with refusing(lambda _: (403, body.encode())) as (url, seen):
        failure = failure_of(url)
    assert str(failure) == (
        "could not store a blob: S3 answered 403 InvalidAccessKeyId; "
        "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy"
    )
    assert len(seen) == 3


def test_a_broken_server_is_asked_three_times():
    with refusing(lambda _: (503, b"<Error><Code>SlowDown</Code></Error>")) as (url, seen):
        assert failure_of(url).reason == "S3 answered 503 SlowDown"
    assert len(seen) == 9


def test_a_missing_bucket_is_not_a_missing_blob(s3_endpoint: str):
    failure = failure_of(f"s3://nobucket?endpoint={s3_endpoint}&region=us-east-1")
    assert failure.fix == "create the bucket or correct its name in the storage URL"


def test_without_credentials_nothing_is_asked_of_the_network(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with refusing(lambda _: (200, b"")) as (url, seen):
        assert failure_of(url).fix == "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    assert seen == []


def test_a_server_without_conditional_writes_is_written_to_plainly():
    def old_server(request: Refusing) -> tuple[int, bytes]:
        if request.headers.get("if-none-match"):
            return 501, b"<Error><Code>NotImplemented</Code></Error>"
        return (404 if request.command == "HEAD" else 200), b""

    with refusing(old_server) as (url, seen):
        store = open_store(url)
        store.put(b"first")
        del seen[:]
        store.put(b"second")
    assert seen == [("HEAD", None), ("PUT", None)]


def test_a_server_that_minds_deleting_twice():
    missing = b"<Error><Code>NoSuchKey</Code></Error>"
    with refusing(lambda _: (404, missing)) as (url, seen):
        store = open_store(url)
        store.delete(ABSENT)
        store.drop("receipts/1")
    assert seen == [("DELETE", None)] * 2


def test_an_upload_that_lost_a_race_to_a_failing_one_is_made_again():
    def conflicting(request: Refusing) -> tuple[int, bytes]:
        if request.headers.get("if-none-match"):
            return 409, b"<Error><Code>ConditionalRequestConflict</Code></Error>"
        return (404 if request.command == "HEAD" else 200), b""

    with refusing(conflicting) as (url, seen):
        open_store(url).put(b"x")
    assert seen == [("PUT", "*"), ("HEAD", None), ("PUT", None)]


def test_a_file_that_is_held_is_not_uploaded_again(tmp_path: Path):
    source = tmp_path / "source"
    source.write_bytes(b"x")
    with refusing(lambda _: (200, b"x")) as (url, seen):
        open_store(url).put_file(source)
    assert seen == [("HEAD", None)]


def test_a_file_that_was_uploaded_long_ago_is_uploaded_again_so_that_it_counts_as_new(
    tmp_path: Path,
):
    source = tmp_path / "source"
    source.write_bytes(b"x")
    with refusing(lambda _: (200, b"x"), "Thu, 01 Jan 2026 12:00:00 GMT") as (url, seen):
        open_store(url).put_file(source)
    assert seen == [("HEAD", None), ("PUT", None)]


def test_a_missing_source_is_a_failure_not_a_missing_blob(bucket_url: str, tmp_path: Path):
    with pytest.raises(StorageFailed, match="No such file or directory"):
        open_store(bucket_url).put_file(tmp_path / "nowhere")


def test_a_lent_copy_is_removed(bucket_url: str):
    store: BlobStore = open_store(bucket_url)
    with store.local(store.put(b"x")) as path:
        assert path.exists()
    assert not path.exists()


def test_prefixes_keep_stores_of_one_bucket_apart(bucket_url: str):
    address = open_store(bucket_url).put(b"x")
    with pytest.raises(BlobMissing):
        open_store(bucket_url.replace("?", "/deeper?")).get(address)
