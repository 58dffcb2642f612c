"""Thrift with the batches we keep: those that pay and get nothing are paused."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Connection, update

from darkroom.domain.batch import BatchStatus, PausedReason
from darkroom.domain.thrift import Thrift
from darkroom.store import outbox
from darkroom.store.tables import batches


def pause_in_vain(connection: Connection, recent: Mapping[UUID, int], thrift: Thrift) -> None:
    """Pauses those of these batches that pay and get nothing, by what their latest calls came to.

    One that has no call left to make is let go to its end.
    """
    b = batches.c
    going = (
        b.status == BatchStatus.IN_PROGRESS,
        b.paused_reason.is_(None),
        b.queued + b.dispatched > 0,
    )
    for batch_id in sorted(key for key, bits in recent.items() if thrift.stops(bits)):
        detail = (
            f"{thrift.vain(recent[batch_id])} of its last {thrift.of} calls that were charged, or may have "
            "been, brought no usable image: look at what failed and why before more is spent"
        )
        changes = {"paused_reason": PausedReason.NO_IMAGES, "paused_detail": detail}
        paused = update(batches).where(b.id == batch_id, *going).values(changes)
        if connection.execute(paused).rowcount:
            outbox.paused(connection, [batch_id])
