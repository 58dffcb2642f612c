"""The fleet as a monitor sees it: what the record knows of all projects, and what this API stands on."""

import hmac
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from api.auth import Scope, authenticate, secret_in
from api.deps import Tools, bearer
from api.errors import documented
from api.health import checked
from api.instruments import OK, Instruments
from api.projects import USUAL
from api.refusals import Forbidden
from darkroom.blobs import StorageFailed
from darkroom.domain.attempt import AttemptState
from darkroom.domain.batch import PausedReason
from darkroom.domain.waiting import WaitingFor
from darkroom.store.insights.fleet import Fleet, fleet
from darkroom.store.session import StoreAway, pool_state
from darkroom.telemetry.families import CONTENT_TYPE, Measure, Reading, alone, exposition

DEPENDENCY = Measure(
    "darkroom_dependency_up",
    "1 while this API reaches it: postgres, migrations (run), storage, redis.",
    ("dependency",),
)
CONNECTIONS = Measure(
    "darkroom_api_database_connections",
    "Connections of this API to the database: in use, idle, and the most there can be.",
    ("state",),
)
FREE = Measure(
    "darkroom_storage_free_bytes", "Space left for images; absent where it has no bound."
)
BATCHES = Measure("darkroom_batches", "Open batches by status.", ("status",))
PAUSED = Measure(
    "darkroom_batches_paused", "Open batches by the reason of their pause.", ("reason",)
)
DUE = Measure("darkroom_batches_due", "Batches with work that may be done now.")
JOBS = Measure("darkroom_jobs", "Jobs of open batches by state.", ("state",))
AGES = Measure(
    "darkroom_jobs_oldest_seconds",
    "How long the job has waited that waits longest: due, handed out, or for its answer.",
    ("state",),
)
STALLED = Measure(
    "darkroom_stalled_seconds", "Seconds without the end of any call while work was due."
)
LATELY = Measure(
    "darkroom_attempts_last_minute",
    "Attempts that ended within a minute, by outcome.",
    ("outcome",),
)
IMAGES = Measure("darkroom_images_last_minute", "Images that calls brought within a minute.")
UNKNOWN = Measure("darkroom_unknown_attempts", "Attempts of open batches with unknown outcome.")
SPENT = Measure("darkroom_spent_dollars", "Billed since the first call.", counts=True)
RESERVED = Measure("darkroom_reserved_dollars", "The worst case of the calls in flight.")
AT_RISK = Measure("darkroom_at_risk_dollars", "The worst case of attempts of unknown outcome.")
OVERRUN = Measure(
    "darkroom_overrun_dollars", "By how much bills were above their reservations.", counts=True
)
WORKERS = Measure("darkroom_workers", "Workers that were heard of within twenty seconds.")
SLOTS = Measure("darkroom_slots", "Calls that they can have in flight.")
OVERDUE = Measure(
    "darkroom_leases_overdue", "Running attempts whose lease ran out, not yet reaped."
)
PROVIDER = Measure(
    "darkroom_provider_paused", "1 while a provider's key waits for a person.", ("provider",)
)
HELD_UP = Measure(
    "darkroom_held_up", "1 while this holds up a provider's calls.", ("provider", "reason")
)
LEARNED = Measure(
    "darkroom_learned_limit_per_minute",
    "What was learned of a provider's limits.",
    ("provider", "family", "dimension"),
)

router = APIRouter(tags=["health"], dependencies=[bearer])


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Tell a monitor how everything stands",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {}}, "description": "Prometheus's text format."},
        **documented(401, 403, 503),
    },
)
def metrics(request: Request, tools: Tools) -> Response:
    """Tell a monitor how everything stands.

    For the monitor's own token (DARKROOM_METRICS_TOKEN) or a key of the operator's project.
    """
    _admit(tools, request.headers.get("authorization"))
    return Response(exposition(reading(tools)), media_type=CONTENT_TYPE)


def _admit(tools: Instruments, authorization: str | None) -> None:
    """The token needs no database, so that its holder learns that there is none."""
    secret, token = secret_in(authorization), tools.metrics_token
    if token is not None and hmac.compare_digest(secret.encode(), token.encode()):
        return
    with tools.transaction() as connection:
        caller = authenticate(connection, secret)
    caller.require(Scope.READ)
    if caller.project_id != USUAL:
        detail = f"what all projects do is for keys of project {USUAL} only"
        raise Forbidden("other_project", detail)


def reading(tools: Instruments) -> Reading:
    """Everything that this API can say now."""
    return {**_own(tools), **_record(tools)}


def _own(tools: Instruments) -> Reading:
    pool = pool_state(tools.engine)
    return {
        DEPENDENCY: [((name,), said == OK) for name, said in checked(tools)[0].items()],
        CONNECTIONS: [
            (("in_use",), pool.in_use),
            (("idle",), pool.idle),
            (("most",), pool.most),
        ],
        FREE: [] if (free := _free(tools)) is None else alone(free),
    }


def _free(tools: Instruments) -> int | None:
    try:
        return tools.blobs.free_bytes()
    except (StorageFailed, StoreAway):
        return None


def _record(tools: Instruments) -> Reading:
    """Nothing where the database is away: `darkroom_dependency_up` says so."""
    try:
        with tools.transaction() as connection:
            now = fleet(connection)
    except StoreAway:
        return {}
    return {**_work(now), **_money(now), **_means(now)}


def _by_word(values: Mapping[Any, float]) -> list[tuple[tuple[str], float]]:
    return [((str(word),), value) for word, value in values.items()]


def _work(now: Fleet) -> dict[Measure, Any]:
    lately = {state: now.lately.attempts.get(state, 0) for state in AttemptState}
    del lately[AttemptState.RUNNING]
    return {
        BATCHES: _by_word(now.batches),
        PAUSED: _by_word({reason: now.paused.get(reason, 0) for reason in PausedReason}),
        DUE: alone(now.due),
        JOBS: _by_word(now.jobs),
        AGES: _by_word(now.ages),
        STALLED: alone(now.stalled),
        LATELY: _by_word(lately),
        IMAGES: alone(now.lately.images),
        UNKNOWN: alone(now.unknown),
    }


def _money(now: Fleet) -> dict[Measure, Any]:
    return {
        SPENT: alone(float(now.money.spent)),
        RESERVED: alone(float(now.money.reserved)),
        AT_RISK: alone(float(now.money.at_risk)),
        OVERRUN: alone(float(now.money.overrun)),
    }


def _means(now: Fleet) -> dict[Measure, Any]:
    held = {(provider, reason) for provider, reason in now.holdups}
    providers = {provider for provider, _ in held} | now.providers.keys()
    return {
        WORKERS: alone(now.workers),
        SLOTS: alone(now.slots),
        OVERDUE: alone(now.overdue),
        PROVIDER: _by_word(now.providers),
        HELD_UP: [
            ((one, reason), (one, reason) in held)
            for one in sorted(providers)
            for reason in WaitingFor
        ],
        LEARNED: list(now.limits.items()),
    }
