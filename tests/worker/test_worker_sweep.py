"""The sweep: one worker at a time, from its first row to its last byte."""

from dataclasses import replace

import pytest
from world import World

from darkroom.retention import Freed
from darkroom.store.locks import Duty, holding
from worker import sweep as sweeping
from worker.holdings import Holdings
from worker.sweep import sweep
from worker.tools import Tools


def test_while_one_worker_sweeps_no_other_begins(
    world: World, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, swept = replace(tools, holdings=Holdings()), []

    def collect(*_) -> Freed:
        swept.append(1)
        assert sweep(other) == 0
        return Freed(images=3) if len(swept) == 1 else Freed()

    monkeypatch.setattr(sweeping, "collect", collect)
    assert sweep(tools) == 3
    assert len(swept) == 2
    with holding(world.engine, Duty.SWEEP) as free_again:
        assert free_again


def test_a_duty_is_free_again_when_its_holder_is_gone(world: World) -> None:
    with holding(world.engine, Duty.SWEEP) as mine, holding(world.engine, Duty.SWEEP) as theirs:
        assert (mine, theirs) == (True, False)
    with pytest.raises(ZeroDivisionError), holding(world.engine, Duty.SWEEP):
        raise ZeroDivisionError
    with holding(world.engine, Duty.SWEEP) as mine:
        assert mine
