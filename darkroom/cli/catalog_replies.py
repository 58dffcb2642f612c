"""What the API says of catalogs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self
from urllib.parse import quote

from darkroom.catalogs.publishing import Exhibit
from darkroom.cli.client import Client
from darkroom.domain.catalog import VersionState

PAGE = 1000

Reply = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What a night would do, or does."""

    new: int
    changed: int
    rejected: int
    unchanged: int
    removed: int
    reused: int
    lacking: int
    calls: int
    expected: Decimal
    bound: Decimal
    busy: float
    samples: tuple[Reply, ...]
    reply: Reply

    @classmethod
    def of(cls, reply: Reply) -> Self:
        standings = ("new", "changed", "rejected", "unchanged", "removed")
        numbers = (*standings, "reused", "lacking", "calls")
        return cls(
            **{name: int(reply[name]) for name in numbers},
            expected=Decimal(reply["expected"]),
            bound=Decimal(reply["bound"]),
            busy=float(reply["busy_seconds"]),
            samples=tuple(reply["samples"]),
            reply=reply,
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """A night that has begun; `change` is None if it had begun before."""

    version: int
    batch_id: str | None
    change: Change | None

    @classmethod
    def of(cls, reply: Reply) -> Self:
        known = reply["difference"]
        return cls(reply["version"], reply["batch_id"], Change.of(known) if known else None)


@dataclass(frozen=True, slots=True)
class CatalogVersion:
    """One night of a catalog."""

    version: int
    state: VersionState
    current: bool
    batch_id: str | None
    expected: Decimal
    created_at: str
    counts: Mapping[str, int]
    reply: Reply

    @classmethod
    def of(cls, reply: Reply) -> Self:
        return cls(
            version=reply["version"],
            state=VersionState(reply["state"]),
            current=reply["current"],
            batch_id=reply["batch_id"],
            expected=Decimal(reply["expected"]),
            created_at=reply["created_at"],
            counts=reply["counts"],
            reply=reply,
        )


@dataclass(frozen=True, slots=True)
class ScheduledCatalog:
    """A schedule, and what became of the last night that was due."""

    catalog: str
    next_at: str
    said: str | None
    reply: Reply

    @classmethod
    def of(cls, reply: Reply) -> Self:
        next_at = str(reply["next_at"])[:16].replace("T", " ")
        return cls(reply["catalog"], next_at, reply["said"], reply)


def schedules(client: Client) -> list[ScheduledCatalog]:
    """Every schedule, the one that is due next first."""
    return list(client.all("/schedules", ScheduledCatalog.of))


class Catalogs:
    """One catalog behind the API."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._path = f"/catalogs/{quote(name, safe='')}"

    def diff(self, night: Reply) -> Change:
        """What a night would do."""
        return self._client.tell(f"{self._path}/diff", night, Change.of)

    def begin(self, night: Reply) -> Begun:
        """Begin a night, or go on with the one that is not over."""
        return self._client.tell(f"{self._path}/nights", night, Begun.of)

    def versions(self) -> list[CatalogVersion]:
        """The versions, newest first."""
        return list(self._client.all(f"{self._path}/versions", CatalogVersion.of))

    def version(self, number: int) -> CatalogVersion:
        """One version."""
        return self._client.ask(f"{self._path}/versions/{number}", CatalogVersion.of)

    def publish(self, number: int) -> CatalogVersion:
        """Make a version the current one."""
        path = f"{self._path}/versions/{number}/publish"
        return self._client.tell(path, None, CatalogVersion.of)

    def schedule(self, body: Reply) -> ScheduledCatalog:
        """Let nights begin by themselves."""
        return self._client.put(f"{self._path}/schedule", body, ScheduledCatalog.of)

    def push(self, body: Reply) -> ScheduledCatalog:
        """Hand in the plan of the next night."""
        return self._client.put(f"{self._path}/plan", body, ScheduledCatalog.of)

    def unschedule(self) -> None:
        """Take the schedule away."""
        self._client.remove(f"{self._path}/schedule")

    def exhibits(self, number: int) -> Iterator[Exhibit]:
        """What a version shows, by SKU and variant."""
        path = f"{self._path}/versions/{number}/items"
        yield from self._client.all(path, _exhibit, limit=PAGE)


def _exhibit(reply: Reply) -> Exhibit:
    image = reply["image"] or {}
    return Exhibit(
        sku=reply["sku"],
        variant=reply["variant"],
        sha256=image.get("sha256"),
        format=image.get("format", ""),
        url=image.get("url", ""),
        facts={
            "state": reply["state"],
            "bytes": image.get("bytes", ""),
            "width": image.get("width", ""),
            "height": image.get("height", ""),
            "prompt": reply["prompt"] or "",
            "parameters": reply["parameters"],
            "cost_usd": reply["cost"] or "",
            "request_id": reply["request_id"] or "",
            "batch_id": reply["batch_id"] or "",
            "checks": reply["checks"] or "",
            "failure": reply["failure"] or "",
        },
    )
