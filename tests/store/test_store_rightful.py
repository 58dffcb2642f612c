"""The one storage of a database: agreed on once, and never another because a disk is not mounted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from factories import Factory
from sqlalchemy import update

from darkroom.blobs import BlobStore, StorageFailed, open_store
from darkroom.local.ports import free_port
from darkroom.rightful import Rightful, require
from darkroom.store.session import Engine, StoreAway, open_engine, transaction
from darkroom.store.tables import images, storage

NOT_THIS_ONE = "is not the storage of this database"


@pytest.fixture
def opened(engine: Engine, tmp_path: Path) -> Callable[..., Rightful]:
    """The storage of this name, as a worker or the API opens it anew."""
    return lambda name="disk": Rightful(engine, open_store((tmp_path / name).as_uri()))


def drawn(engine: Engine, store: BlobStore) -> None:
    """An image, in the database and in the storage."""
    make = Factory(engine, store, "default")
    make.succeed(make.begin(make.in_progress()))


def forgotten(engine: Engine) -> None:
    """As a version left the database that knew of no identities."""
    with transaction(engine) as connection:
        connection.execute(storage.delete())


def test_the_first_who_comes_lays_it_out_and_the_others_find_it(opened, tmp_path: Path) -> None:
    address = opened().put(b"x")
    assert opened().get(address) == b"x"
    with pytest.raises(StorageFailed, match=NOT_THIS_ONE):
        opened("another").put(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]


def test_a_disk_that_is_not_mounted_is_not_laid_out_anew_and_is_well_when_it_is_back(
    engine: Engine, opened, tmp_path: Path
) -> None:
    address = opened().put(b"x")
    mounted, away = tmp_path / "disk", tmp_path / "away"
    mounted.rename(away)
    mounted.mkdir()
    store = opened()
    for ask in (store.free_bytes, store.check, lambda: store.get(address), lambda: store.put(b"y")):
        with pytest.raises(StorageFailed, match=NOT_THIS_ONE):
            ask()
    with pytest.raises(StorageFailed, match=NOT_THIS_ONE):
        require(engine, open_store(mounted.as_uri()))
    assert list(mounted.iterdir()) == []
    mounted.rmdir()
    away.rename(mounted)
    assert store.get(address) == b"x"


def test_an_empty_one_takes_the_place_of_one_that_is_given_up_when_somebody_says_so(
    opened, tmp_path: Path
) -> None:
    opened().settle()
    new = tmp_path / "new"
    with pytest.raises(StorageFailed, match=NOT_THIS_ONE) as caught:
        opened("new").settle()
    identity = (tmp_path / "disk" / "identity").read_text()
    assert f"write {identity.strip()} into the file identity there" in str(caught.value)
    new.mkdir()
    (new / "identity").write_text(identity)
    assert opened("new").put(b"x")


def test_many_that_come_first_at_once_agree(opened, tmp_path: Path) -> None:
    together = Barrier(8)

    def come(_: int) -> BlobStore:
        store = opened()
        together.wait(10)
        store.settle()
        return store

    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(come, range(8)))
    address = stores[0].put(b"x")
    assert {store.get(address) for store in stores} == {b"x"}
    opened().settle()


def test_a_database_from_before_takes_the_storage_that_holds_its_newest_image_and_no_other(
    engine: Engine, opened, tmp_path: Path
) -> None:
    drawn(engine, opened("before"))
    (tmp_path / "before" / "identity").unlink()
    forgotten(engine)
    with pytest.raises(StorageFailed, match=NOT_THIS_ONE):
        opened("mount point").settle()
    assert not (tmp_path / "mount point").exists()
    opened("before").settle()
    assert (tmp_path / "before" / "identity").exists()


def test_images_that_are_given_up_need_not_be_there(engine: Engine, opened) -> None:
    drawn(engine, opened("before"))
    forgotten(engine)
    with transaction(engine) as connection:
        connection.execute(update(images).values(expired_at=images.c.created_at))
    opened("another").settle()


def test_a_database_that_is_away_says_nothing_against_the_storage(tmp_path: Path) -> None:
    nowhere = open_engine(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    store = Rightful(nowhere, open_store((tmp_path / "disk").as_uri()))
    with pytest.raises(StoreAway):
        store.put(b"x")
    assert list(tmp_path.iterdir()) == []
