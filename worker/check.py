"""Checks: what has arrived is looked at, away from calls; what does not pass is said, rejected, made anew."""

from darkroom.blobs import BlobMissing
from darkroom.domain.checking import Check, Checks, Finding, blank, mismatches, sku_of
from darkroom.pictures import Glances, Likeness, NotAPicture
from darkroom.store import batches, checkups, hints, rerolls
from darkroom.store.checkups import Arrival, Checkup, Look
from darkroom.store.hints import About
from darkroom.store.session import transaction
from darkroom.telemetry.logs import logger
from worker.tools import Tools

CHUNK = 50
"""Images that are looked at between two transactions, some seconds' work."""


def check(tools: Tools, glances: Glances) -> int:
    """Looks at what has come for batches that ask for it; counts the images."""
    seen = 0
    while not tools.draining.is_set():
        with transaction(tools.engine) as connection:
            one = checkups.claim(connection, tools.focus)
        if one is None:
            break
        seen += _looked(tools, one, glances)
    if not seen:
        glances.rest()
    return seen


def _looked(tools: Tools, one: Checkup, glances: Glances) -> int:
    """Looks at a chunk of a batch; where nothing is left and no more comes, that is the end of it."""
    with transaction(tools.engine) as connection:
        arrived = checkups.arrivals(connection, one, CHUNK)
    looks = [_look(tools, one.checks, image, glances) for image in arrived]
    with transaction(tools.engine) as connection:
        flagged = checkups.record(connection, one, looks)
        over = one.ended and not arrived
        if not over:
            checkups.let_go(connection, one, exhausted=len(arrived) < CHUNK)
        if checkups.is_spent(connection, one):
            batches.cancel(connection, one.batch_id)
        if arrived:
            hints.ring(connection)
    if flagged:
        _say(one, f"{flagged} of {len(arrived)} images do not pass")
    if over:
        _close(tools, one)
    return len(arrived)


def _look(tools: Tools, checks: Checks, image: Arrival, glances: Glances) -> Look:
    seen = _seen(tools, image, glances)
    bits = spots = None
    found = [*mismatches(_asked(image), image.width, image.height, image.format)]
    if isinstance(seen, NotAPicture):
        found.append(Finding(Check.UNREADABLE, seen.reason))
    elif seen.blank:
        found.append(blank(seen.contrast))
    elif Check.DUPLICATE not in checks.left_out:
        bits, spots = seen.bits, seen.spots
    kept = tuple(one for one in found if one.check not in checks.left_out)
    return Look(image, sku_of(image.custom_id), bits, spots, kept)


def _seen(tools: Tools, image: Arrival, glances: Glances) -> Likeness | NotAPicture:
    try:
        with tools.blobs.local(image.sha256) as path:
            return glances.at(path)
    except BlobMissing:
        return NotAPicture("its bytes are not in the storage")


def _asked(image: Arrival) -> dict[str, str | None]:
    return {"size": image.size, "output_format": image.output_format}


def _close(tools: Tools, one: Checkup) -> None:
    with transaction(tools.engine) as connection:
        rerolls.alone(connection, one.family)
        checkups.close(connection, one)
        number = rerolls.reroll(connection, one.family, one.checks, tools.new_id())
        hints.ring(connection, About.LISTS, About.JOBS)
    if number:
        _say(one, f"{number} are made anew")


def _say(one: Checkup, said: str) -> None:
    logger("worker").info(said, action="check", batch_id=one.batch_id.hex)
