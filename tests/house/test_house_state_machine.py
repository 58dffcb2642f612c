"""The drawings of the states say what the code does."""

import re
from pathlib import Path

import pytest

from darkroom.domain.attempt import AttemptState
from darkroom.domain.batch import TERMINAL, BatchStatus
from darkroom.domain.job import MOVES, OPEN, Fence, JobState, counter_delta

PAGE = (Path(__file__).parents[2] / "docs" / "state_machine.md").read_text("utf-8")
JOBS, ATTEMPTS, BATCHES = PAGE.split("\n## ")[1:]
_ARROW = re.compile(r"^    (\S+) --> (\S+?)(?:: (\S+))?$", re.MULTILINE)
_DRAWING = re.compile(r"```mermaid\nstateDiagram-v2\n(.*?)```", re.DOTALL)


def _arrows(section: str) -> list[tuple[str, str, str]]:
    """The arrows between two states; every line of the drawing must be an arrow."""
    [drawing] = _DRAWING.findall(section)
    arrows = _ARROW.findall(drawing)
    assert len(arrows) == len(drawing.splitlines())
    return arrows


def _between(section: str) -> list[tuple[str, str, str]]:
    return sorted(arrow for arrow in _arrows(section) if "[*]" not in arrow)


def _listed(section: str, words: type) -> list[str]:
    """The states that the first column of a table explains."""
    first = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [word for cell in first for word in re.findall(r"`(\w+)`", cell) if word in list(words)]


def test_every_move_is_drawn_from_each_of_its_sources_and_nothing_else_is():
    moves = sorted((source, move.target, move.name) for move in MOVES for source in move.sources)
    assert _between(JOBS) == moves


def test_nothing_leaves_the_end_of_a_job():
    assert [a for a in _arrows(JOBS) if "[*]" in a] == [
        ("[*]", "queued", ""),
        ("succeeded", "[*]", ""),
    ]


@pytest.mark.parametrize(
    ("section", "words"), [(JOBS, JobState), (ATTEMPTS, AttemptState), (BATCHES, BatchStatus)]
)
def test_who_moves_it_on_is_said_of_every_state_once(section, words):
    assert sorted(_listed(section, words)) == sorted(words)


@pytest.mark.parametrize("fence", Fence)
def test_the_fence_of_every_move_is_named(fence):
    [row] = re.findall(rf"^\| {fence} \| (.*?) \|", JOBS, re.MULTILINE)
    assert re.findall(r"`(\w+)`", row) == [move.name for move in MOVES if move.fence is fence]


def test_the_batches_drawing_knows_every_status_and_reopens_none():
    arrows = _between(BATCHES)
    assert {status for source, target, _ in arrows for status in (source, target)} == set(
        BatchStatus
    )
    assert {source for source, _, _ in arrows}.isdisjoint(TERMINAL)
    ends = {source for source, target, _ in _arrows(BATCHES) if target == "[*]"}
    assert ends == TERMINAL


def test_moves_have_names_of_their_own_and_change_the_state():
    assert len({move.name for move in MOVES}) == len(MOVES)
    assert all(move.target not in move.sources for move in MOVES)


def test_a_job_that_has_ended_is_moved_by_evidence_only():
    final = set(JobState) - OPEN
    assert {move.name for move in MOVES if move.sources & final} == {"adopt"}


def test_every_move_keeps_the_number_of_jobs():
    for move in MOVES:
        for source in move.sources:
            assert sum(counter_delta(move, source).values()) == 0
