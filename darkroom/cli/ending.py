"""How a command ends: its exit status, and the errors that carry one.

CliError          one line for the person at the terminal, with the fix
├── Interrupted   Ctrl-C or a signal; what was begun stays durable
└── Unreachable   nothing answers where the API should be
"""

from enum import IntEnum

from darkroom.cli.caller import command
from darkroom.cli.replies import Batch
from darkroom.domain.batch import BatchStatus


class Exit(IntEnum):
    """The exit statuses that scripts may rely on."""

    MADE = 0
    """All images are made; or the command did what it says."""
    FAILURES = 1
    """Finished, with failures."""
    REFUSED = 2
    """Wrong usage, or refused before anything was spent."""
    STOPPED = 3
    """Stopped, or waiting for a person: budget, key, interrupt."""
    BUG = 70
    """Our own fault (EX_SOFTWARE of sysexits.h): what was begun stays durable, and a log has the story."""


class CliError(Exception):
    """A command cannot go on; the message is one line and ends with the fix."""

    def __init__(self, message: str, status: Exit = Exit.REFUSED) -> None:
        super().__init__(message)
        self.status = status


class Interrupted(CliError):  # noqa: N818 - named for what happened
    """Ctrl-C or a signal came."""

    def __init__(self, message: str = "interrupted") -> None:
        super().__init__(message, Exit.STOPPED)


class Unreachable(CliError):  # noqa: N818 - named for what happened
    """The API does not answer; `unsent` if it was asked nothing, for nobody took the connection."""

    def __init__(
        self, url: str, reason: str, fix: str | None = None, *, unsent: bool = False
    ) -> None:
        self.what = f"the API at {url} does not answer ({reason})"
        self.unsent = unsent
        usual = f"start it with `{command('up')}`, or set DARKROOM_API_URL to where it is"
        super().__init__(f"{self.what}; {fix or usual}", Exit.STOPPED)


def status_of(batch: Batch) -> Exit:
    """What a batch that goes no further by itself means for the exit status."""
    if batch.status is BatchStatus.FAILED:
        return Exit.REFUSED
    if not batch.ended:
        return Exit.STOPPED
    as_asked = batch.counts.succeeded == batch.counts.total and not batch.mismatched
    return Exit.MADE if as_asked else Exit.FAILURES
