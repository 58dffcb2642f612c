"""A batch from its rows to its images, by a real worker, a real broker and a sandbox over real HTTP."""

from datetime import UTC, datetime
from decimal import Decimal

from world import World

from darkroom.domain.estimate import Estimate
from darkroom.domain.facts import packaged_toml, parse_models
from darkroom.domain.job import JobState
from darkroom.domain.request import Priced, resolve


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


def test_the_bill_is_what_the_estimate_said_to_within_a_hundredth(world: World) -> None:
    models = parse_models(packaged_toml(), datetime.now(UTC).date())
    rows = [
        {"prompt": f"A print of a harbour at blue hour, number {n}", "quality": q, "size": s, "n": n}
        for n, (q, s) in enumerate((("low", "1024x1024"), ("medium", "1536x1024"), ("high", "1024x1536")), 1)
    ]  # fmt: skip
    estimate = Estimate()
    for row in rows:
        priced = resolve(row, models)
        assert isinstance(priced, Priced)
        estimate.add(priced)
    assert estimate.low == estimate.high
    world.start_worker()
    view = world.until(world.submit(rows))
    assert abs(view.cost.spent - estimate.high) < estimate.high / 100
    assert view.cost.spent <= estimate.bound
