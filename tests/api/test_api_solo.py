"""A lone request as workers hear of it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from sqlalchemy import select

from darkroom.store import batches, endings, jobs
from darkroom.store.hints import About, Listener
from darkroom.store.session import transaction
from darkroom.store.tables import batches as rows

BODY = {"model": "gpt-image-2", "prompt": "a lone cat", "size": "1024x1024", "quality": "low"}


def test_who_hands_out_jobs_is_told_of_a_drawing_at_once(client, desk):
    """It is ready to be handed out: no reader stands between."""
    with closing(Listener(desk.engine)) as listener, ThreadPoolExecutor(1) as other:
        waiting = other.submit(client.post, "/v1/images/generations", json=BODY)
        assert About.JOBS in listener.wait(10)
        call_off(desk.engine)
        assert waiting.result().status_code >= 400


def call_off(engine):
    with transaction(engine) as connection:
        for batch_id in connection.execute(select(rows.c.id).where(rows.c.lone)).scalars().all():
            batches.cancel(connection, batch_id)
            jobs.cancel(connection, batch_id, 9)
        endings.complete(connection)
