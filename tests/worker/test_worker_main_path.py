"""A batch from its rows to its images, by a real worker, a real broker and a sandbox over real HTTP."""

from decimal import Decimal

from world import World

from darkroom.domain.job import JobState


def test_prompts_become_images_that_are_paid_for_once(world: World) -> None:
    world.start_worker()
    batch_id = world.submit([f"A print of the number {number}" for number in range(12)])
    view = world.until(batch_id)
    assert view.counts.succeeded == view.counts.total == 12
    totals = world.sandbox.totals()
    assert totals["images_billed"] == 12
    assert view.cost.spent == Decimal(totals["cost"])
    assert view.cost.reserved == view.cost.at_risk == 0
    shas = {image.sha256 for job in world.jobs(batch_id) for image in job.images}
    assert len(shas) == 12
    assert all(job.state is JobState.SUCCEEDED for job in world.jobs(batch_id))
