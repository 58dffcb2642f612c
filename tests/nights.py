"""Batches of 100,000 jobs, there at once: what a night leaves to be controlled."""

from uuid import UUID

from sqlalchemy import insert, literal, select, text, update
from world import World

from darkroom.store.session import transaction
from darkroom.store.tables import attempts, batches, projects
from worker.ingest import ingest

MANY = 100_000

_COPIES = """
    INSERT INTO jobs (batch_id, line, custom_id, request, bound)
    SELECT batch_id, n, 'night-' || n, request, bound
    FROM jobs, generate_series(2, :number) AS n WHERE batch_id = :batch_id
"""


def night(world: World, tools, *, number: int = MANY, project: str = "default", **columns) -> UUID:
    """A batch of so many jobs; its file has one, and the others are copies of that."""
    batch_id = world.submit(["A print of the night"])
    assert ingest(tools)
    with transaction(world.engine) as connection:
        connection.execute(text(_COPIES), {"batch_id": batch_id, "number": number})
        if project != "default":
            connection.execute(insert(projects).values(id=project))
        connection.execute(
            update(batches)
            .where(batches.c.id == batch_id)
            .values(total=number, queued=number, project_id=literal(project), **columns)
        )
    return batch_id


def begun(world: World, batch_id: UUID) -> set[UUID]:
    """The attempts that were begun for this batch until now."""
    with transaction(world.engine) as connection:
        query = select(attempts.c.id).where(attempts.c.batch_id == batch_id)
        return set(connection.execute(query).scalars())
