"""A frozen process cannot hold the fleet, and what cut a transaction short is known for what it is."""

from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from stage import draft

from darkroom.store import batches, intake, jobs
from darkroom.store.hints import Listener
from darkroom.store.session import StoreAway, StoreBusy, open_engine, transaction

_GONE = "SELECT count(*) FROM pg_stat_activity WHERE pid = :pid"


@pytest.fixture
def impatient(database_url):
    """An engine of one connection, a limit of which can be lowered to 50 ms."""
    opened = open_engine(database_url, pool=1)

    def lowered(limit: str):
        with transaction(opened) as connection:
            connection.exec_driver_sql(f"SET {limit} = '50ms'")
        return opened

    yield lowered
    opened.dispose()


def _freeze(stage, connection) -> None:
    """Does nothing more until Postgres has ended this session."""
    pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    while stage.one(_GONE, pid=pid).count:
        pass


def _cut_off(stage, act) -> None:
    """A transaction that has lost its connection when it acts."""
    with transaction(stage.engine) as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        stage.sql("SELECT pg_terminate_backend(:pid)", pid=pid)
        act(connection)


@pytest.mark.parametrize("limit", ["idle_in_transaction_session_timeout", "transaction_timeout"])
def test_a_frozen_transaction_is_ended_and_its_locks_are_free(stage, impatient, limit):
    batch_id = stage.batch()

    def freeze() -> None:
        with transaction(impatient(limit)) as connection:
            jobs.dispatch(connection, batch_id, ["gpt-image-2"], 1)
            _freeze(stage, connection)
            jobs.dispatch(connection, batch_id, ["gpt-image-2"], 1)

    with pytest.raises(StoreAway):
        freeze()
    assert stage.call(batches.cancel, batch_id)
    assert stage.batch_row(batch_id).dispatched == 0


def test_a_statement_that_outlives_the_transaction_is_ended(impatient):
    with pytest.raises(StoreAway), transaction(impatient("transaction_timeout")) as connection:
        connection.exec_driver_sql("SELECT pg_sleep(20)")


def test_nobody_waits_long_for_a_lock(stage, impatient):
    batch_id = stage.batch()
    hurried = impatient("lock_timeout")
    with transaction(stage.engine) as holder:
        batches.cancel(holder, batch_id)
        with pytest.raises(StoreBusy, match="lock timeout"), transaction(hurried) as waiter:
            batches.cancel(waiter, batch_id)


def test_a_process_without_a_free_connection_is_not_taken_for_a_lost_database(database_url):
    opened = open_engine(database_url, pool=1)
    opened.pool._timeout = 0
    with (
        transaction(opened),
        transaction(opened),
        pytest.raises(StoreBusy, match="in use"),
        transaction(opened),
    ):
        raise AssertionError("there is no third connection")
    with (
        transaction(opened),
        transaction(opened),
        pytest.raises(StoreBusy, match="in use"),
    ):
        Listener(opened)
    opened.dispose()


def test_every_connection_has_its_limits(stage):
    names = ("idle_in_transaction_session_timeout", "transaction_timeout", "lock_timeout")
    found = [stage.one(f"SHOW {name}")[0] for name in names]
    assert found == ["10s", "1min", "5s"]
    assert stage.one("SHOW timezone")[0] == "UTC"


def test_a_lost_connection_is_told_from_a_refused_row(stage):
    batch_id = stage.batch()
    with pytest.raises(IntegrityError), transaction(stage.engine) as connection:
        connection.execute(text("UPDATE batches SET status = 'lost'"))
    with pytest.raises(StoreAway) as lost:
        _cut_off(stage, lambda connection: jobs.dispatch(connection, batch_id, ["gpt-image-2"], 1))
    assert not isinstance(lost.value, StoreBusy)
    assert stage.batch_row(batch_id).queued == 1


def test_a_connection_lost_under_copy_is_away_too(stage):
    batch_id = stage.submit()
    claim = stage.call(batches.claim_validating, None)
    with pytest.raises(StoreAway):
        _cut_off(stage, lambda connection: intake.add_jobs(connection, claim, [draft(1)]))
    assert stage.batch_row(batch_id).total == 0


def test_a_row_that_copy_refuses_is_not_taken_for_an_absence(stage):
    stage.submit()
    claim = stage.call(batches.claim_validating, None)
    with pytest.raises(psycopg.IntegrityError), transaction(stage.engine) as connection:
        intake.add_jobs(connection, claim, [draft(1), draft(1)])


def test_a_server_that_is_not_there_is_away(database_url):
    from_nowhere = database_url.replace(database_url.rsplit("/", 1)[1], f"no_{uuid4().hex}")
    opened = open_engine(from_nowhere)
    with pytest.raises(StoreAway, match="does not exist"), transaction(opened):
        raise AssertionError("no transaction can be begun")
    opened.dispose()


def test_where_postgres_stumbles_over_itself_it_is_asked_again(engine):
    stumble = "DO $$ BEGIN RAISE EXCEPTION 'new multixact' USING ERRCODE = 'XX000'; END $$"
    with pytest.raises(StoreBusy, match="new multixact"), transaction(engine) as connection:
        connection.execute(text(stumble))


def test_statements_are_always_planned_with_their_values(stage):
    """A generic plan cannot use a partial index: after a bulk load on a warm connection it scans every job."""
    batch_id = stage.batch()
    with stage.engine.connect() as connection:
        for _ in range(15):
            jobs.dispatch(connection, batch_id, ["gpt-image-2"], 1)
            jobs.lapse(connection, 1)
            connection.commit()
        query = text(
            "SELECT statement FROM pg_prepared_statements "
            "WHERE generic_plans > 0 AND cardinality(parameter_types) > 0"
        )
        assert not connection.execute(query).all()
