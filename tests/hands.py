"""A worker's steps taken by hand: jobs that are handed out with nobody rung up."""

from sqlalchemy import update
from world import World

from darkroom.domain.job import JobState
from darkroom.store import hints, jobs
from darkroom.store.session import transaction
from darkroom.store.tables import jobs as job_rows
from worker.ingest import ingest
from worker.tools import Tools

LONG_AGO = "2026-01-01T00:00:00Z"


def handed_out(world: World, tools: Tools, *prompts: str):
    """A batch whose jobs are all dispatched, with nobody rung up."""
    batch_id = world.submit(prompts)
    assert ingest(tools)
    with transaction(tools.engine) as connection:
        return batch_id, jobs.dispatch(connection, batch_id, ["gpt-image-2"], len(prompts))


def due_now(world: World) -> None:
    """Nobody waits for a backoff or a cool-down."""
    queued = job_rows.c.state == JobState.QUEUED
    with transaction(world.engine) as connection:
        connection.execute(update(job_rows).where(queued).values(due_at=LONG_AGO))
        hints.ring(connection)


def states(world: World, batch_id) -> list[JobState]:
    return [job.state for job in world.jobs(batch_id)]
