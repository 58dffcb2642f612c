"""Whether what calls bring can be stored: while it cannot, no job is handed out, which is said now and then."""

from darkroom.blobs import StorageFailed
from darkroom.domain.room import room_needed
from darkroom.domain.waiting import WaitingFor
from darkroom.telemetry.logs import logger
from worker.holdings import Held
from worker.notice import note_all, over_all
from worker.tools import Tools

SAID_EVERY = 300.0
"""Seconds after which it is said again that nothing is handed out."""


def can_store(tools: Tools) -> bool:
    """Whether what may come back can be stored: an image that finds no room was paid for in vain."""
    try:
        lacking = _lacking(tools)
    except StorageFailed as trouble:
        _hold(tools, WaitingFor.STORAGE, str(trouble))
        return False
    if lacking:
        _hold(tools, WaitingFor.DISK_SPACE, lacking)
        return False
    _go_on(tools)
    return True


def _lacking(tools: Tools) -> str | None:
    spool, store = tools.spool.free_bytes(), tools.blobs.free_bytes()
    free = spool if store is None else min(spool, store)
    needed = room_needed(tools.in_flight)
    if free >= needed:
        return None
    where = "in the spool" if free == spool != store else "for images"
    return f"{free:,} bytes are free {where} and {needed:,} are needed: free some disk"


def _hold(tools: Tools, reason: WaitingFor, detail: str) -> None:
    note_all(tools, reason, detail)
    now = tools.stopwatch()
    held = tools.holdings.held or Held(reason, now)
    if held.reason is not reason or now - held.said_at >= SAID_EVERY:
        held = Held(reason, held.since, said_at=now)
        logger("worker").error(
            "no new call is made: what it brings could not be stored",
            action="hold_dispatch",
            reason=detail,
            seconds=round(now - held.since),
        )
    tools.holdings.held = held


def _go_on(tools: Tools) -> None:
    held = tools.holdings.held
    if held is None:
        return
    tools.holdings.held = None
    over_all(tools, held.reason)
    logger("worker").info(
        "calls are made again",
        action="go_on",
        seconds=round(tools.stopwatch() - held.since),
    )
