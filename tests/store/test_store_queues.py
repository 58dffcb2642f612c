"""What waits to be handed out: which models, and whose turn it is among them."""

from dataclasses import replace

from stage import draft

from darkroom.domain.request import ImageRequest, Priced, Terms
from darkroom.store import jobs, queues


def _of(model: str, line: int, **options):
    row = draft(line, **options)
    asked = replace(row.priced.terms.asked, model=model)
    assert isinstance(asked, ImageRequest)
    return replace(row, priced=Priced("a cat", Terms.of(asked, row.priced.terms.quote)))


def _models(stage):
    return {one.id: sorted(one.models) for one in stage.call(queues.dispatchable, "default", None)}


def test_the_models_of_each_batch_are_those_of_what_is_queued(stage):
    mixed = stage.batch([_of("a", 1), _of("b", 2), _of("c", 3), _of("b", 4)])
    plain = stage.batch([_of("b", 1)])
    assert _models(stage) == {mixed: ["a", "b", "c"], plain: ["b"]}
    assert len(stage.call(jobs.dispatch, mixed, ["b"], 9)) == 2
    assert _models(stage) == {mixed: ["a", "c"], plain: ["b"]}


def test_only_the_models_that_were_named_are_handed_out_the_first_of_all_first(stage):
    rows = [_of("a", 1), _of("b", 2), _of("c", 3), _of("a", 4), _of("b", 5, priority=7)]
    batch_id = stage.batch(rows)
    handed = stage.call(jobs.dispatch, batch_id, ["a", "b"], 3)
    assert [message.custom_id for message in handed] == ["sku-5", "sku-1", "sku-2"]
    assert stage.call(queues.handed_out, "default") == [("a", 1), ("b", 2)]
    assert stage.call(queues.handed_out, "another") == []
