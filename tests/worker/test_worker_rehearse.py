"""A rehearsal leaves nothing behind but what the first calls need."""

from sqlalchemy import event, select
from world import World

from darkroom.store.session import transaction
from darkroom.store.tables import attempts
from worker.ingest import ingest
from worker.rehearse import rehearse
from worker.tools import Tools


def test_a_rehearsal_asks_what_a_call_asks_and_begins_nothing(world: World, tools: Tools) -> None:
    world.submit(["A print"])
    assert ingest(tools)
    asked: list[str] = []
    event.listen(tools.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    assert rehearse(tools) == 1
    assert any("INSERT INTO attempts" in statement for statement in asked)
    with transaction(world.engine) as connection:
        assert connection.execute(select(attempts.c.id)).all() == []
    assert not tools.holdings.attempts()
