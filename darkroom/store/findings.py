"""What was said of images that were looked at: of a job's, and of those of a batch by their checks."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, and_, func, literal_column, select, true

from darkroom.domain.checking import Check, Finding
from darkroom.domain.report import FlaggedGroup
from darkroom.store.tables import images, jobs, looks

_l = looks.c


def findings_of(
    connection: Connection, job_ids: Sequence[int]
) -> dict[int, dict[tuple[UUID, int], tuple[Finding, ...]]]:
    """What was said of the images of these jobs, by job and image; nothing of those nobody has looked at."""
    i = images.c
    query = (
        select(i.job_id, _l.attempt_id, _l["index"].label("place"), _l.findings)
        .join(looks, and_(_l.attempt_id == i.attempt_id, _l["index"] == i["index"]))
        .where(i.job_id.in_(job_ids))
    )
    found: dict[int, dict[tuple[UUID, int], tuple[Finding, ...]]] = {}
    for row in connection.execute(query):
        said = tuple(map(Finding.of, row.findings))
        found.setdefault(row.job_id, {})[row.attempt_id, row.place] = said
    return found


def flagged_groups(connection: Connection, family: Sequence[UUID]) -> tuple[FlaggedGroup, ...]:
    """How many images of these batches do not pass each check, with the words about one of them."""
    each = func.jsonb_array_elements(_l.findings).table_valued("value").render_derived()
    found = each.c.value.op("->>")
    check = found("check").label("check")
    query = (
        select(
            check,
            func.count().label("images"),
            func.min(found("reason")).label("reason"),
            func.min(jobs.c.custom_id).label("custom_id"),
        )
        .select_from(looks)
        .join(each, true())
        .join(images, and_(images.c.attempt_id == _l.attempt_id, images.c["index"] == _l["index"]))
        .join(jobs, jobs.c.id == images.c.job_id)
        .where(_l.batch_id.in_(family), _l.findings != literal_column("'[]'::jsonb"))
        .group_by(check)
        .order_by(func.count().desc(), check)
    )
    return tuple(
        FlaggedGroup(Check(row.check), row.images, row.reason, row.custom_id)
        for row in connection.execute(query)
    )
