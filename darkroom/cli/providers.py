"""providers: who draws, how it stands with each, and what was set for it."""

import typer

from darkroom.cli.ending import Exit
from darkroom.cli.environment import Environment, read_environment
from darkroom.cli.session import attend
from darkroom.cli.terminal import Terminal

_LIMITS = {
    "requests_per_minute": "requests/min",
    "images_per_minute": "images/min",
    "tokens_per_minute": "tokens/min",
    "max_in_flight": "at once",
}


def providers() -> None:
    """List the providers: paused or not, why, the limits that are set here, and what goes out now.

    Example: darkroom providers

    A paused one goes on with `darkroom resume BATCH` of any batch it draws: one call is let out first, and the
    others when it has brought an image. `now` is what the limiter goes by: calls in flight, and limits that
    were set or learned from answers; a learned one is tried 5 % higher for each hour since it was last heard.
    Exit status: 0 none is paused, 3 one waits for a person.
    """
    terminal, environment = Terminal(), read_environment()
    found = attend(environment, terminal, lambda session: session.client.providers())
    limits = set_limits(environment)
    rows = [
        [one.name, one.state, limits.get(one.name) or "none set", one.flow, one.paused_reason or ""]
        for one in found
    ]
    columns = ["provider", "state", "limits", "now", "why"]
    terminal.table(columns, rows, folded={"why", "limits", "now"})
    raise typer.Exit(Exit.STOPPED if any(one.paused_reason for one in found) else Exit.MADE)


def set_limits(environment: Environment) -> dict[str, str]:
    """The limits that are set for each provider, in words; keys are not needed for it."""
    return {
        source.name: ", ".join(
            f"{value} {words}"
            for key, words in _LIMITS.items()
            if (value := getattr(source, key)) is not None
        )
        for source in environment.in_use
    }
