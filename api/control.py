"""Control: pausing, resuming, reprioritising, cancelling and retrying a batch, its retries with it.

Each acts first and then looks: its UPDATE holds the batch's row, so what is seen is what was decided on.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from uuid import UUID

from api.auth import Caller, Scope
from api.fresh import fresh_id
from api.money import plain
from api.names import image_key
from api.refusals import Conflict, Expired, Invalid, Missing, nearest
from darkroom.domain.batch import TERMINAL, BatchStatus, PausedReason
from darkroom.domain.choice import REJECTED, Choice
from darkroom.domain.failure import FailureClass
from darkroom.domain.ids import BATCH, shown
from darkroom.store import batches, hints, insights, pausing, providers, retries
from darkroom.store.hints import About
from darkroom.store.insights import BatchView, ImageView
from darkroom.store.session import Connection

GROUPS = {
    "unknown": (FailureClass.UNKNOWN_OUTCOME, FailureClass.WITHHELD, FailureClass.WORKER_LOST),
    "5xx": (FailureClass.SERVER_ERROR, FailureClass.OVERLOADED, FailureClass.OUTAGE),
}
"""Words that stand for several classes of failure."""

SMALLEST = Decimal("1e-9")
"""The smallest part of a dollar that the record keeps."""


def owned_image(connection: Connection, project_id: str, image_id: str) -> ImageView:
    """An image of this project whose bytes are there.

    Raises:
        Missing: There is none such.
        Expired: Its bytes were given up.
    """
    image = insights.image(connection, project_id, *image_key(image_id))
    if image is None:
        raise Missing("image", image_id)
    if image.expired_at is not None:
        raise Expired("image", image_id)
    return image


def owned_batch(connection: Connection, project_id: str, batch_id: UUID) -> BatchView:
    """The batch of this id.

    Raises:
        Missing: The project has none such.
    """
    view = insights.batch(connection, project_id, batch_id)
    if view is None:
        raise Missing("batch", shown(BATCH, batch_id))
    return view


def pause(
    connection: Connection, project_id: str, batch_id: UUID, reason: PausedReason
) -> BatchView:
    """Lets no new call of the batch begin; one that is paused already keeps its reason.

    Raises:
        Missing: The project has none such.
        Conflict: It is past pausing.
    """
    members = _members(owned_batch(connection, project_id, batch_id))
    changed = [batches.pause(connection, member, reason, None) for member in members]
    view = owned_batch(connection, project_id, batch_id)
    if not any(changed) and view.paused_reason is None:
        raise _too_late("paused", view)
    hints.ring(connection)
    return view


def resume(
    connection: Connection, caller: Caller, batch_id: UUID, budget: Decimal | None
) -> BatchView:
    """Lets the batch go on, under a new budget if one is given, and the provider's key be tried again.

    Of a family it is what is still open that goes on; what is left of the budget is shared among its members.

    Raises:
        Missing: The project has none such.
        Forbidden: It waits for the provider's key, which is not for this caller to try again.
        Conflict: It is past resuming, or the budget has no room for its next call.
    """
    before = owned_batch(connection, caller.project_id, batch_id)
    if before.paused_reason == PausedReason.PROVIDER_KEY:
        caller.require(Scope.ADMIN)
    members = [owned_batch(connection, caller.project_id, key) for key in _members(before)]
    shares = _shares(before, members, budget)
    changed = [batches.resume(connection, key, share) for key, share in shares.items()]
    view = owned_batch(connection, caller.project_id, batch_id)
    if not any(changed) or view.status is BatchStatus.CANCELLING:
        raise _too_late("resumed", view)
    for member in members:
        if member.paused_reason == PausedReason.BUDGET and pausing.is_short(connection, member.id):
            raise Conflict("over_budget", _why_short(view, members, member))
    _require_room(view, budget)
    if caller.may(Scope.ADMIN):
        providers.resume(connection, batch_id)
    hints.ring(connection)
    return view


def reprioritise(
    connection: Connection, project_id: str, batch_id: UUID, priority: int
) -> BatchView:
    """From here on the batch goes before those of a lower priority.

    Raises:
        Missing: The project has none such.
        Conflict: It has ended.
    """
    members = _members(owned_batch(connection, project_id, batch_id))
    changed = [batches.reprioritise(connection, member, priority) for member in members]
    view = owned_batch(connection, project_id, batch_id)
    if not any(changed):
        raise _too_late("put before others", view)
    hints.ring(connection)
    return view


def cancel(connection: Connection, project_id: str, batch_id: UUID) -> BatchView:
    """From here on the batch begins no call; what is in flight is waited for. Twice is once.

    Raises:
        Missing: The project has none such.
        Conflict: It has ended in another way.
    """
    members = _members(owned_batch(connection, project_id, batch_id))
    changed = [batches.cancel(connection, member) for member in members]
    view = owned_batch(connection, project_id, batch_id)
    if not any(changed) and view.status not in (BatchStatus.CANCELLING, BatchStatus.CANCELLED):
        raise _too_late("cancelled", view)
    hints.ring(connection)
    return view


def retry(
    connection: Connection,
    project_id: str,
    batch_id: UUID,
    only: Sequence[str] | None,
    budget: Decimal | None = None,
) -> BatchView:
    """A new batch of what the batch and its retries have failed to bring, or of images that were rejected.

    Raises:
        Missing: The project has none such.
        Invalid: A word in `only` names nothing that can be tried again.
        Conflict: There is nothing to retry.
    """
    choice = None if only is None else chosen(only)
    before = owned_batch(connection, project_id, batch_id)
    new_id = fresh_id()
    root = retries.family_root(connection, batch_id)
    if not retries.retry(connection, root, new_id, choice, budget):
        raise Conflict("nothing_to_retry", _why_nothing(before, choice))
    hints.ring(connection, About.LISTS, About.JOBS)
    return owned_batch(connection, project_id, new_id)


def chosen(words: Sequence[str]) -> Choice:
    """What these words name.

    Raises:
        Invalid: One names nothing.

    >>> chosen(["5xx", "server_error", "rejected"]).words
    ('server_error', 'overloaded', 'outage', 'rejected')
    """
    known = {**{klass.value: (klass,) for klass in FailureClass}, **GROUPS, REJECTED: ()}
    found: dict[FailureClass, None] = {}
    for word in words:
        if word not in known:
            detail = f"is no class of failures; {nearest(word, list(known))}"
            raise Invalid.field("only", "failure_class_unknown", detail)
        found |= dict.fromkeys(known[word])
    return Choice(tuple(found), REJECTED in words)


def _members(view: BatchView) -> tuple[UUID, ...]:
    """Those of its family that may be open: a batch has ended before it is first retried."""
    return view.retries or (view.id,)


def _shares(
    family: BatchView, members: Sequence[BatchView], budget: Decimal | None
) -> dict[UUID, Decimal | None]:
    """What each member may spend in all, so that together they stay under the budget of the family.

    What nobody has committed is shared among the open by the jobs that each has open.
    """
    waiting = [member for member in members if not member.ended]
    if budget is None:
        return dict.fromkeys((member.id for member in waiting), None)
    left = max(budget - family.cost.committed, Decimal(0))
    weights = _weights(waiting)
    each = (left / max(sum(weights.values()), 1)).quantize(SMALLEST, ROUND_DOWN)
    return {member.id: member.cost.committed + each * weights[member.id] for member in waiting}


def _weights(waiting: Sequence[BatchView]) -> dict[UUID, int]:
    return {member.id: max(member.counts.open, 1) for member in waiting}


def _require_room(view: BatchView, budget: Decimal | None) -> None:
    room = replace(view.cost, cap=budget).room
    if room is not None and room <= 0:
        raise Conflict("over_budget", f"{_used(view)}; give a budget above their sum")


def _why_short(family: BatchView, members: Sequence[BatchView], member: BatchView) -> str:
    """What a member's next call needs; it would only pause again. `family` is as it would be then."""
    if member.budget_needed is None:
        return str(member.paused_detail)
    weights = _weights([one for one in members if not one.ended])
    needed = member.budget_needed - member.cost.committed
    parts = Decimal(sum(weights.values())) / weights[member.id]
    least = family.cost.committed + (needed * parts).quantize(SMALLEST, ROUND_UP)
    next_call = f"the next call may cost {plain(needed)}"
    if family.cost.cap is not None and family.cost.cap >= least:
        return f"{next_call}, more than is left of the budgets of its project"
    return f"{next_call}; {_used(family)}; give a budget of {plain(least)} or more"


def _used(view: BatchView) -> str:
    return (
        f"{plain(view.cost.spent)} is spent, {plain(view.cost.reserved)} reserved and "
        f"{plain(view.cost.at_risk)} at risk already"
    )


def _too_late(word: str, view: BatchView) -> Conflict:
    return Conflict(f"batch_{view.status}", f"the batch is {view.status}; it cannot be {word} now")


def _why_nothing(view: BatchView, choice: Choice | None) -> str:
    if view.status not in TERMINAL and view.paused_reason:
        return "nothing to retry yet: the batch is paused; resume or cancel it first"
    if view.status not in TERMINAL:
        return f"nothing to retry yet: the batch is {view.status}"
    if choice is not None and choice.rejected:
        return "nothing to retry: no image is rejected; `darkroom review` rejects some"
    if choice is not None:
        return f"nothing to retry: no job failed with {', '.join(choice.words)}"
    if view.counts.failed:
        uncertain = ",".join(retries.UNCERTAIN)
        return (
            f"nothing to retry but {view.counts.failed} jobs that may have been paid for; "
            f"name them with only={uncertain} to send them again"
        )
    return "nothing to retry: no job failed or expired"
