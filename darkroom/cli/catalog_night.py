"""One night of a catalog at the terminal: begun, followed, published."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from darkroom.cli.caller import command
from darkroom.cli.catalog_plan import Prepared
from darkroom.cli.catalog_replies import Catalogs, CatalogVersion, Change
from darkroom.cli.catalog_shelf import published
from darkroom.cli.ending import Exit, status_of
from darkroom.cli.environment import Environment
from darkroom.cli.options import asked_checks, shown_time
from darkroom.cli.session import Session
from darkroom.cli.summary import summary
from darkroom.cli.terminal import Terminal
from darkroom.cli.watch import followed
from darkroom.domain.catalog import THRESHOLD, Reuse, VersionState
from darkroom.domain.checking import Checks
from darkroom.domain.figures import duration, money, plural

LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Night:
    """What is asked of a night beside its plan."""

    reuse: Reuse = Reuse.USE
    only: list[str] | None = None
    threshold: Decimal = THRESHOLD
    budget: Decimal | None = None
    deadline: datetime | None = None
    focus: str | None = None
    checks: Checks | None = None

    def body(self, file_id: str) -> dict[str, Any]:
        """The request that looks at a night or begins it."""
        return {
            "plan_file_id": file_id,
            "reuse": self.reuse,
            "only": self.only,
            "threshold": str(self.threshold),
            "budget": None if self.budget is None else str(self.budget),
            "deadline": None if self.deadline is None else shown_time(self.deadline),
            "focus": self.focus,
            "checks": asked_checks(self.checks),
        }


def told(change: Change, environment: Environment) -> Iterator[str]:
    """A difference for people, a line for each number and the first prompts as they will be sent."""
    yield f"new       {change.new:,}"
    yield f"changed   {change.changed:,}"
    if change.rejected:
        yield f"rejected  {change.rejected:,} (they show that image until there is a better one)"
    yield f"unchanged {change.unchanged:,}"
    yield f"removed   {change.removed:,}" + (" (their images are kept)" if change.removed else "")
    if change.reused:
        yield f"reused    {change.reused:,} of these: bought before"
    if change.lacking:
        yield f"lacking   {change.lacking:,} (nothing is bought with --reuse only)"
    price = f"about {money(change.expected)}, at most {money(change.bound)}"
    yield (
        f"to make   {plural(change.calls, 'image')}, {price}"
        if change.calls
        else "to make   nothing"
    )
    if change.calls:
        lasting = duration(seconds_of(change, environment))
        yield f"time      about {lasting}, at the limits that are set and usual latencies"
    for sample in change.samples:
        yield f"e.g. {sample['sku']}/{sample['variant']}: {sample['prompt']}"


def seconds_of(change: Change, environment: Environment) -> float:
    """How long its calls last: as long as the limits make them, or as many at once as there may be."""
    limits = [environment.requests_per_minute, environment.images_per_minute]
    by_limits = (change.calls / limit * 60 for limit in limits if limit)
    together = min(change.calls, environment.max_in_flight)
    return max([change.busy / together, *by_limits])


@dataclass(slots=True)
class Production:
    """One `sync` from its plan to the published directory; `batch_id` once there is one."""

    terminal: Terminal
    environment: Environment
    plan: Prepared
    night: Night
    detach: bool = False
    batch_id: str | None = None

    def work(self, session: Session) -> Exit:
        """Begin the night or go on with it, follow it, publish it."""
        if not session.own:
            self.night.focus = None
        catalog = Catalogs(session.client, self.plan.recipe.name)
        begun = catalog.begin(self.night.body(self.plan.handed_in(session.client)))
        self.batch_id = begun.batch_id
        self._announce(begun.version, begun.change)
        if self.detach:
            self.terminal.result(begun.batch_id or f"version {begun.version}")
            return Exit.MADE
        status = self._followed(session)
        if status is Exit.STOPPED:
            return status
        return max(
            status, self._end(session, catalog, self._concluded(session, catalog, begun.version))
        )

    def _announce(self, version: int, change: Change | None) -> None:
        if change is None:
            fix = "when it is over, the same command brings what has changed since"
            self.terminal.notice(f"version {version} is still being made: going on with it; {fix}")
            return
        for line in told(change, self.environment):
            self.terminal.notice(line)

    def _followed(self, session: Session) -> Exit:
        if self.batch_id is None:
            return Exit.MADE
        batch = session.client.granted(session.client.batch(self.batch_id), self.night.budget)
        ended = followed(session, self.terminal, batch)
        for line in summary(ended, sandbox=session.sandbox):
            self.terminal.result(line)
        return Exit.FAILURES if status_of(ended) is Exit.REFUSED else status_of(ended)

    def _concluded(self, session: Session, catalog: Catalogs, number: int) -> CatalogVersion:
        while (version := catalog.version(number)).state is VersionState.MAKING:
            session.wait(LOOK_SECONDS)
        return version

    def _end(self, session: Session, catalog: Catalogs, version: CatalogVersion) -> Exit:
        number, counts = version.version, version.counts
        behind = counts["stale"] + counts["missing"]
        if behind:
            shown = f"{counts['stale']:,} with the last image, {counts['missing']:,} without any"
            again = "the same command tries just that again"
            self.terminal.result(f"{plural(behind, 'item')} could not be made: {shown}; {again}")
        if not version.current:
            fix = command("catalog", "publish", str(number))
            self.terminal.result(f"version {number} is a candidate: too little succeeded; `{fix}`")
            return Exit.FAILURES
        where = published(session, catalog, number, self.plan.directory)
        self.terminal.result(f"version {number} is current: {where}")
        return Exit.FAILURES if behind else Exit.MADE

    def leave(self, session: Session) -> str:
        """Hold the batch if its stack ends with this command; say how to go on."""
        if self.batch_id is None:
            return "interrupted before anything was ordered"
        session.hold(self.batch_id)
        return f"what is made is kept as batch {self.batch_id}; the same command goes on"
