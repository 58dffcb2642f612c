"""The directory of a scheduled catalog: filled on the stack's own machine when a night was published."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from darkroom.blobs import BlobMissing
from darkroom.catalogs.publishing import Exhibit, NotOurs, publish
from darkroom.catalogs.recipe import read_recipe
from darkroom.domain.ids import BATCH, shown
from darkroom.domain.problem import BadInput
from darkroom.store import schedules, shelves
from darkroom.store.schedules import Scheduled
from darkroom.store.session import transaction
from darkroom.store.shelves import Shelved
from darkroom.telemetry.logs import logger
from worker.tools import Tools

PAGE = 1000


def exhibit(tools: Tools) -> int:
    """Fills the directory of one catalog whose night was published since; counts it."""
    if tools.focus is not None or not tools.local_recipes:
        return 0
    with transaction(tools.engine) as connection:
        one = schedules.claim_unshown(connection)
    if one is None:
        return 0
    trouble = _trouble(tools, one)
    with transaction(tools.engine) as connection:
        schedules.shown(connection, one, trouble)
    said = trouble or f"version {one.current} is shown"
    logger("worker").info(said, action="exhibit", catalog=one.name)
    return 1


def _trouble(tools: Tools, one: Scheduled) -> str | None:
    """Publishes it; what kept it from that, if anything did."""
    assert one.current is not None
    assert one.terms.recipe is not None
    path = Path(one.terms.recipe)

    def bring(exhibit: Exhibit, target: Path) -> None:
        with tools.blobs.local(exhibit.sha256 or "") as source:
            shutil.copyfile(source, target)

    try:
        recipe = read_recipe(path.read_text(encoding="utf-8"))
        publish(path.parent / recipe.directory, one.current, _exhibits(tools, one), bring)
    except (OSError, BadInput, NotOurs, BlobMissing) as error:
        fix = f"darkroom catalog publish {one.current}"
        return f"version {one.current} could not be put into its directory: {error}; then: {fix}"
    return None


def _exhibits(tools: Tools, one: Scheduled) -> Iterator[Exhibit]:
    assert one.current is not None
    after, more = ("", ""), True
    while more:
        with transaction(tools.engine) as connection:
            page = shelves.page(connection, one.catalog_id, one.current, PAGE, after)
        yield from map(_exhibit, page)
        more = len(page) == PAGE
        after = (page[-1].sku, page[-1].variant) if page else after


def _exhibit(item: Shelved) -> Exhibit:
    request = dict(item.request or {})
    image = item.image
    return Exhibit(
        sku=item.sku,
        variant=item.variant,
        sha256=image.sha256 if image else None,
        format=image.format if image else "",
        url="",
        facts={
            "state": item.state,
            "bytes": image.bytes if image else "",
            "width": image.width if image else "",
            "height": image.height if image else "",
            "prompt": request.pop("prompt", ""),
            "parameters": request,
            "cost_usd": "" if item.cost is None else item.cost,
            "request_id": item.request_id or "",
            "batch_id": shown(BATCH, item.batch_id) if item.batch_id else "",
            "checks": "; ".join(map(str, item.flaws)),
            "failure": item.failure or "",
        },
    )
