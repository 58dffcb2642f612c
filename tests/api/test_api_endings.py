"""Whoever waits for a request to end is told, whatever the thread that looks has met before."""

import asyncio
from contextlib import closing

from api.endings import Endings
from darkroom.domain.batch import BatchStatus
from darkroom.store.hints import Listener


def test_the_thread_that_looks_outlives_what_it_meets(desk, make, monkeypatch):
    batch_id, met = make.refused(), []

    def flaky(engine):
        met.append(1)
        if len(met) == 1:
            raise RuntimeError("it is a test")
        return Listener(engine)

    monkeypatch.setattr("api.endings.Listener", flaky)
    monkeypatch.setattr("api.endings.TICK", 0.01)
    with closing(Endings(desk.engine)) as endings:
        standing = asyncio.run(asyncio.wait_for(endings.of(batch_id), 20))
    assert (standing.status, len(met)) == (BatchStatus.FAILED, 2)
