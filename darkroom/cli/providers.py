"""providers: who draws, how it stands with each, and what was set for it."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer

from darkroom.cli.ending import Exit
from darkroom.cli.environment import Environment, read_environment
from darkroom.cli.replies import ProviderState
from darkroom.cli.session import Session, attend
from darkroom.cli.terminal import Terminal

_LIMITS = {
    "requests_per_minute": "requests/min",
    "images_per_minute": "images/min",
    "tokens_per_minute": "tokens/min",
    "max_in_flight": "at once",
}


def providers(
    *,
    forget: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Forget what was learned of this one's limits."),
    ] = None,
) -> None:
    """List the providers: paused or not and why, and their limits.

    Example: darkroom providers

    A paused one goes on with `darkroom resume BATCH` of any batch it draws: one call is let out first, and the
    others when it has brought an image. `limits` are those that are set here; `now` is what the limiter goes
    by: calls in flight, and limits that were set or learned from answers. A limit that is set is never passed;
    one that was learned lowers it, and is tried 5 % higher for each hour since it was last heard. --forget
    drops what was learned, as after a raise of the account's limits.
    Exit status: 0 none is paused, 3 one waits for a person.
    """
    terminal, environment = Terminal(), read_environment()
    found = attend(environment, terminal, lambda session: _standing(session, forget))
    limits = set_limits(environment)
    rows = [
        [
            one.name,
            one.state,
            limits.get(one.name) or "none set",
            flow(one.limiter),
            one.paused_reason or "",
        ]
        for one in found
    ]
    columns = ["provider", "state", "limits", "now", "why"]
    terminal.table(columns, rows, folded={"why", "limits", "now"})
    raise typer.Exit(Exit.STOPPED if any(one.paused_reason for one in found) else Exit.MADE)


def _standing(session: Session, forget: str | None) -> list[ProviderState]:
    if forget is not None:
        session.client.tell(f"/providers/{quote(forget, safe='')}/forget", None, ProviderState.of)
    return session.client.providers()


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


def flow(limiter: Mapping[str, Any] | None) -> str:
    """What goes out now, in words; nothing where that cannot be asked."""
    if limiter is None:
        return ""
    parts = [f"{limiter['in_flight']} of {limiter['most_in_flight']} in flight"]
    parts += ["in trouble: one call at a time tries"] if limiter["trouble"] else []
    for family in limiter["families"]:
        learned = family.get("learned", {})
        words = [
            f"{limit:g} {name}{' (learned)' if learned.get(name) == limit else ''}"
            for name, limit in family["per_minute"].items()
        ]
        parts += [f"{family['family']}: {', '.join(words)} a minute"] if words else []
    return "; ".join(parts)
