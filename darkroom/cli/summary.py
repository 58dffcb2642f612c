"""How a batch stands, in a line or two and with what to do next."""

from darkroom.cli.caller import command
from darkroom.cli.replies import Batch
from darkroom.cli.report import listed
from darkroom.domain.batch import BatchStatus, BudgetOf, PausedReason
from darkroom.domain.figures import duration, money, plural

SANDBOX = "the sandbox drew these images: they are placeholders"


def summary(batch: Batch, *, sandbox: bool) -> list[str]:
    """What happened to a batch, and the next step if there is one."""
    lines = [what_happened(batch, sandbox=sandbox), *refusals(batch)]
    if batch.ended and (said := unknowns(batch)):
        lines.append(said)
    step = next_step(batch)
    return [*lines, f"next: {step}"] if step else lines


def what_happened(batch: Batch, *, sandbox: bool) -> str:
    """The outcome in one line."""
    counts = batch.counts
    if batch.status is BatchStatus.FAILED:
        return f"{batch.id} was refused; nothing was spent"
    made = (
        f"{counts.succeeded:,} of {counts.total:,} prompts made ({plural(batch.images, 'image')})"
    )
    others = [
        f"{number:,} {word}"
        for word in ("failed", "cancelled", "expired")
        if (number := getattr(counts, word))
    ]
    others += [f"{batch.mismatched:,} of another size or format"] if batch.mismatched else []
    flagged = (batch.reply.get("checks") or {}).get("flagged")
    others += [f"{flagged:,} did not pass the checks"] if flagged else []
    others += [f"{batch.skipped:,} skipped"] if batch.skipped else []
    others += [f"{counts.open:,} open"] if counts.open else []
    parts = [", ".join([made, *others]), f"spent {money(batch.cost.spent)}"]
    if batch.cost.at_risk:
        parts += [f"{money(batch.cost.at_risk)} at risk: it is not known whether it was billed"]
    parts += (
        [f"done {duration((batch.ended_at - batch.created_at).total_seconds())} after submission"]
        if (batch.ended_at)
        else []
    )
    parts += [batch.standing] if batch.status is not BatchStatus.COMPLETED else []
    return "; ".join([*parts, SANDBOX] if sandbox and batch.images else parts)


def refusals(batch: Batch) -> list[str]:
    """A line for each problem for which a batch was refused, fifty at most."""
    if batch.status is not BatchStatus.FAILED:
        return []
    more = batch.problem_count - len(batch.problems)
    return list(listed(batch.filename or "input", batch.problems, more))


def next_step(batch: Batch) -> str | None:
    """What a person may want to do now."""
    if batch.waits_for_person:
        return _after_pause(batch)
    counts = batch.counts
    if batch.ended and batch.mismatched:
        fetch = command("fetch", batch.id, "--out", "DIR", "--accept-mismatch")
        return f"{fetch} takes what is not as asked"
    if not batch.ended or batch.status is BatchStatus.FAILED or counts.succeeded == counts.total:
        return None
    if counts.expired or counts.failed > batch.unknown:
        return f"{command('retry', batch.id)} makes a new batch of those that failed"
    return None  # the line about unknown outcomes says what to do


def _after_pause(batch: Batch) -> str:
    resume = command("resume", batch.id)
    detail = f" ({batch.paused_detail})" if batch.paused_detail else ""
    match batch.paused_reason:
        case PausedReason.BUDGET if batch.paused_budget in (BudgetOf.PROJECT, BudgetOf.DAY):
            return str(batch.paused_detail)
        case PausedReason.BUDGET:
            return f"{_about_budget(batch)}{detail}; {to_go_on(batch)} goes on"
        case PausedReason.PROVIDER_KEY:
            mend = "correct its key, or what else that names"
            return f"calls to its provider are stopped{detail}; {mend}, then {resume}"
        case PausedReason.NO_IMAGES:
            return f"{batch.paused_detail}; {resume} goes on"
        case PausedReason.HELD:
            return f"its run was interrupted{detail}; the same `run` or {resume} goes on"
        case _:
            return f"paused{detail}; {resume} goes on"


def to_go_on(batch: Batch) -> str:
    """What is typed for one that waits for its own budget, with the least that its next call needs."""
    needed = batch.budget_needed
    return command("resume", batch.id, "--budget") + (
        " DOLLARS" if needed is None else f" {needed.normalize():f}"
    )


def _about_budget(batch: Batch) -> str:
    cap = batch.cost.cap
    if cap is None:
        return "the budget is used up"
    left = cap - batch.cost.spent - batch.cost.reserved - batch.cost.at_risk
    if left <= 0:
        return f"the budget of {money(cap)} is used up"
    return f"{money(left)} of the budget of {money(cap)} is left, less than the next image may cost"


def unknowns(batch: Batch) -> str | None:
    """What is known of calls that left us and brought no answer, and what to do about them."""
    if not batch.unknown:
        return None
    calls = (
        f"{plural(batch.unknown, 'call')} without an answer, {money(batch.cost.at_risk)} at risk"
    )
    if not batch.ended:
        once = "under DARKROOM_ON_UNKNOWN=retry a job is tried again once"
        return f"{calls}: it may have been billed; {once}"
    settle = command("settle", batch.id, "--unknown")
    said = f"{calls}: compare the provider's invoice and say {settle} billed or unbilled"
    if not batch.counts.failed:
        return said
    retry = command("retry", batch.id, "--only", "unknown")
    return f"{said}; {retry} tries again those that have no image"
