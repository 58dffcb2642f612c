"""What the safety system refuses is never sent again as it was."""

import pytest
from world import World


@pytest.mark.parametrize(
    ("fault", "calls", "succeeded"), [("moderation*1", [None, "low"], 1), ("policy_403", [None, "low"], 0)]
)  # fmt: skip
def test_with_the_option_it_is_tried_once_more_with_moderation_low(
    world: World, fault: str, calls: list[str | None], succeeded: int
) -> None:
    world.start_worker()
    view = world.until(world.submit([f"[[fault:{fault}]] A print"], on_moderation="low"))
    assert [call["moderation"] for call in world.sandbox.calls()] == calls
    assert (view.counts.succeeded, view.counts.failed) == (succeeded, 1 - succeeded)


def test_a_softened_job_stays_softened_whatever_happens_on_the_way(world: World) -> None:
    world.start_worker()
    prompt = "[[fault:moderation*1]] [[fault:rate_limit=0.01*1]] A print"
    view = world.until(world.submit([prompt], on_moderation="low"))
    assert [call["moderation"] for call in world.sandbox.calls()] == [None, "low", "low"]
    assert view.counts.succeeded == 1


@pytest.mark.parametrize(("options", "moderation"), [({}, None), ({"on_moderation": "low"}, "low")])
def test_without_it_or_with_low_already_it_fails_at_once(
    world: World, options: dict[str, str], moderation: str | None
) -> None:
    world.start_worker()
    row = {"prompt": "[[fault:moderation_451]] A print", "moderation": moderation}
    view = world.until(world.submit([row], **options))
    assert [call["moderation"] for call in world.sandbox.calls()] == [moderation]
    assert (view.counts.failed, view.unknown, view.cost.spent) == (1, 0, 0)
