"""What was kept for long enough goes, and nothing that anybody still needs; real rows, real files."""

import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from factories import PIXEL, Factory
from sqlalchemy import func, insert, select, update

from darkroom.blobs import BlobMissing, open_store
from darkroom.domain.failure import FailureClass
from darkroom.domain.retention import Retention
from darkroom.retention import Freed, collect, foreseen
from darkroom.store import catalogs, files, insights, openai_batches, retention, webhooks
from darkroom.store.files import File
from darkroom.store.openai_batches import Dossier
from darkroom.store.session import transaction
from darkroom.store.tables import (
    batches,
    catalog_items,
    catalog_versions,
    discards,
    events,
    images,
    jobs,
    webhook_deliveries,
)
from darkroom.store.tables import files as file_rows

MONTH = timedelta(days=30)
NEVER = Retention(events=None)
IMAGES = Retention(images=MONTH, events=None)
OTHER = b"another picture"


@pytest.fixture
def store(tmp_path):
    opened = open_store((tmp_path / "blobs").as_uri())
    opened.lay_out("of-the-test")
    return opened


@pytest.fixture
def make(engine, store) -> Factory:
    return Factory(engine, store, "default")


@pytest.fixture
def past(engine, store):
    """Lets so many days pass: for rows, and for what lies in the storage."""

    def pass_by(days: int = 40) -> None:
        ago = timedelta(days=days)
        with transaction(engine) as connection:
            for table, names in {
                batches: ("created_at", "ended_at"),
                images: ("created_at",),
                file_rows: ("created_at", "expires_at"),
                discards: ("since",),
                events: ("created_at",),
                webhook_deliveries: ("created_at",),
            }.items():
                connection.execute(
                    update(table).values({name: table.c[name] - ago for name in names})
                )
        then = (datetime.now(UTC) - ago).timestamp()
        for path in store._root.rglob("*"):
            os.utime(path, (then, then))

    return pass_by


@pytest.fixture
def collected(engine, store, past):
    """Two passes, the second some minutes after the first."""

    def run(kept: Retention) -> Freed:
        first = collect(engine, store, kept)
        with transaction(engine) as connection:
            ago = discards.c.since - retention.SETTLED - timedelta(seconds=1)
            connection.execute(update(discards).values(since=ago))
        return first + collect(engine, store, kept)

    return run


def image_of(engine, batch_id):
    with transaction(engine) as connection:
        [job] = insights.jobs_page(connection, batch_id, limit=10)
    return job.images[0]


def held(store, sha256: str) -> bool:
    try:
        return store.size(sha256) > 0
    except BlobMissing:
        return False


def test_images_are_kept_for_ever_unless_somebody_says_otherwise(
    engine, store, make, past, collected
):
    batch_id = make.completed(None)
    past(4_000)
    assert collected(Retention()) == Freed()
    assert held(store, image_of(engine, batch_id).sha256)


def test_an_old_image_goes_and_says_so(engine, store, make, past, collected):
    batch_id = make.completed(PIXEL)
    past()
    young = make.completed(OTHER)
    sha256 = image_of(engine, batch_id).sha256
    store.keep(f"thumbnails/{sha256}.webp", b"small")
    assert foreseen(engine, store, IMAGES) == Freed(images=1, bytes=len(PIXEL))
    assert held(store, sha256)
    assert collected(IMAGES) == Freed(images=1, bytes=len(PIXEL))
    assert not held(store, sha256)
    assert store.kept(f"thumbnails/{sha256}.webp") is None
    assert image_of(engine, batch_id).expired_at
    assert held(store, image_of(engine, young).sha256)
    assert foreseen(engine, store, IMAGES) == Freed()


def test_bytes_wait_until_whoever_saw_them_before_is_done(engine, store, make, past):
    batch_id = make.completed(None)
    past()
    assert collect(engine, store, IMAGES) == Freed(images=1, waiting=1)
    assert collect(engine, store, IMAGES) == Freed(waiting=1)
    assert held(store, image_of(engine, batch_id).sha256)


def test_what_another_image_shares_stays(engine, store, make, past, collected):
    make.completed(PIXEL)
    past()
    young = make.completed(PIXEL)
    assert collected(IMAGES) == Freed(images=1)
    assert held(store, image_of(engine, young).sha256)


def test_what_was_stored_again_stays_although_no_row_says_so_yet(
    engine, store, make, past, collected
):
    make.completed(PIXEL)
    past()
    sha256 = store.put(PIXEL)
    assert collected(IMAGES) == Freed(images=1, waiting=1)
    assert held(store, sha256)
    past()
    assert collected(IMAGES) == Freed(bytes=len(PIXEL))


def test_an_open_retry_keeps_the_images_of_its_family(engine, store, make, past, collected):
    batch_id, retry = make.completed(None), make.validating()
    past()
    with transaction(engine) as connection:
        connection.execute(update(batches).where(batches.c.id == retry).values(retry_of=batch_id))
    assert collected(IMAGES) == Freed()
    with transaction(engine) as connection:
        ended = func.now() - timedelta(days=31)
        connection.execute(update(batches).where(batches.c.id == retry).values(ended_at=ended))
    assert collected(IMAGES).images == 1


def shelved(connection, image) -> None:
    """A version of a catalog shows the image."""
    catalog_id = uuid4()
    connection.execute(
        insert(catalogs.catalogs).values(id=catalog_id, project_id="default", name="shop")
    )
    version = {"catalog_id": catalog_id, "number": 1, "threshold": 1, "expected": 0}
    connection.execute(insert(catalog_versions).values(version))
    item = {"catalog_id": catalog_id, "version": 1, "sku": "1", "variant": ""}
    shown = {"attempt_id": image.attempt_id, "index": image.index, "shown": "f"}
    connection.execute(insert(catalog_items).values(**item, **shown, state="made", fingerprint="f"))


def test_what_a_version_of_a_catalog_shows_is_kept(engine, store, make, past, collected):
    batch_id = make.completed(None)
    past()
    with transaction(engine) as connection:
        shelved(connection, image_of(engine, batch_id))
    assert collected(IMAGES) == Freed()


def test_what_a_catalog_takes_at_that_very_moment_is_kept(engine, store, make, past):
    batch_id = make.completed(None)
    past()
    assert collect(engine, store, IMAGES).waiting == 1
    with transaction(engine) as connection:
        shelved(connection, image_of(engine, batch_id))
        connection.execute(update(discards).values(since=discards.c.since - timedelta(hours=1)))
    assert collect(engine, store, IMAGES) == Freed()
    image = image_of(engine, batch_id)
    assert held(store, image.sha256)
    assert image.expired_at is None


@pytest.mark.parametrize("failed", [False, True])
def test_the_picture_that_a_job_may_yet_be_drawn_from_is_kept(make, past, collected, failed):
    """The job is queued, or has failed and may be tried again."""
    store, engine = make.blobs, make.engine
    make.completed(PIXEL)
    past()
    batch_id = make.completed(FailureClass.SERVER_ERROR) if failed else make.in_progress()
    request = {"prompt": "more of it", "n": 1, "images": [store.put(PIXEL)]}
    with transaction(engine) as connection:
        connection.execute(update(jobs).where(jobs.c.batch_id == batch_id).values(request=request))
    for path in store._root.rglob("blobs/*/*/*"):
        os.utime(path, (0, 0))
    assert collected(IMAGES) == Freed(images=1)
    assert held(store, request["images"][0])
    with transaction(engine) as connection:
        assert connection.execute(select(func.count()).select_from(discards)).scalar_one() == 0


def uploaded(engine, store, data: bytes, **more) -> File:
    stored = {"id": uuid4(), "project_id": "default", "purpose": "user_data", "filename": "f"}
    file = File(
        **stored, bytes=len(data), sha256=store.put(data), created_at=datetime.now(UTC), **more
    )
    with transaction(engine) as connection:
        files.add(connection, file)
    return file


def test_files_go_when_they_are_over_deleted_or_old(engine, store, past, collected):
    over = uploaded(engine, store, b"over", expires_at=datetime.now(UTC) + timedelta(days=1))
    deleted, kept = uploaded(engine, store, b"deleted"), uploaded(engine, store, b"kept")
    with transaction(engine) as connection:
        openai_batches.delete(connection, "default", deleted.id)
    past()
    assert collected(NEVER) == Freed(files=2, bytes=len(b"over") + len(b"deleted"))
    assert [held(store, one.sha256) for one in (over, deleted, kept)] == [False, False, True]
    with transaction(engine) as connection:
        assert files.get(connection, kept.id)
    assert collected(Retention(files=MONTH, events=None)) == Freed(files=1, bytes=len(b"kept"))
    with transaction(engine) as connection:
        assert files.get(connection, kept.id) is None


def test_the_file_of_an_open_batch_is_kept(engine, store, make, past, collected):
    make.validating()
    past()
    kept = Retention(files=MONTH, events=None)
    assert collected(kept) == Freed()
    make.ingested()
    assert collected(kept) == Freed()
    with transaction(engine) as connection:
        connection.execute(update(batches).values(status="completed"))
    assert collected(kept).files == 1


def test_an_output_file_that_is_over_takes_its_images_along(engine, store, make, past, collected):
    batch_id = make.completed(None)
    dossier = Dossier("/v1/images/generations", "24h", uuid4(), uuid4(), output_seconds=3600)
    with transaction(engine) as connection:
        openai_batches.add(connection, batch_id, dossier)
    assert collected(NEVER) == Freed()
    past(2)
    assert collected(NEVER) == Freed(images=1, bytes=len(PIXEL))


def test_an_output_file_is_gone_with_the_first_of_its_images(engine, store, make, past, collected):
    batch_id = make.completed(None)
    dossier = Dossier("/v1/images/generations", "24h", uuid4(), uuid4())
    with transaction(engine) as connection:
        openai_batches.add(connection, batch_id, dossier)
    past()
    with transaction(engine) as connection:
        assert openai_batches.file(connection, "default", dossier.output_file_id)
    assert collected(IMAGES).images == 1
    with transaction(engine) as connection:
        assert openai_batches.file(connection, "default", dossier.output_file_id) is None


def test_old_answers_go(engine, store, past):
    store.keep("receipts/old", b"answer")
    past(8)
    store.keep("receipts/young", b"answer")
    assert collect(engine, store, NEVER) == Freed(answers=1)
    assert [name for name, _ in store.kept_names("receipts/")] == ["receipts/young"]


def test_old_events_go_with_their_deliveries_and_what_is_on_its_way_stays(
    engine, store, make, past
):
    with transaction(engine) as connection:
        hook = {"url": "https://shop.example", "secret": "s", "wanted": ["batch.completed"]}
        webhooks.add(connection, uuid4(), "default", **hook)
    make.completed(None)
    past()
    make.completed(None)
    kept = Retention(events=MONTH)
    assert foreseen(engine, store, kept).events == 1
    assert collect(engine, store, kept) == Freed(events=1)
    with transaction(engine) as connection:
        left = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (events, webhook_deliveries)
        ]
        connection.execute(update(events).values(created_at=func.now() - timedelta(days=40)))
    assert left == [1, 1]
    assert collect(engine, store, kept) == Freed(), "it is still on its way"
