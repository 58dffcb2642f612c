"""fetch --reroll: what does not pass the checks is rejected and made anew, within a budget of its own."""

from collections.abc import Sequence
from decimal import Decimal

from darkroom.cli.caller import command
from darkroom.cli.replies import Batch
from darkroom.cli.session import Session
from darkroom.cli.terminal import Terminal
from darkroom.cli.watch import followed
from darkroom.domain.figures import money, plural

NAMED_AT_ONCE = 10_000
"""Custom_ids in one request."""


def made_anew(
    session: Session, terminal: Terminal, batch: Batch, doubtful: Sequence[str], budget: Decimal
) -> Decimal:
    """Rejects these images and waits for others; what that has cost, or may have.

    Raises:
        CliError: the batch has not ended, or its images are being promoted.
        Interrupted: a signal came.
    """
    for start in range(0, len(doubtful), NAMED_AT_ONCE):
        session.client.review(batch.id, {"reject": doubtful[start : start + NAMED_AT_ONCE]})
    retry = session.client.retry(batch.id, ["rejected"], budget)
    terminal.notice(
        f"{plural(len(doubtful), 'image')} did not pass and will be made anew by {retry.id}, "
        f"for {money(budget)} at most"
    )
    ended = followed(session, terminal, retry)
    if not ended.ended:
        goes_on = command("resume", retry.id, "--budget", "DOLLARS")
        terminal.notice(f"{retry.id} is {ended.standing}; `{goes_on}` goes on")
    return ended.cost.spent + ended.cost.at_risk
