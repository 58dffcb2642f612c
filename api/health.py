"""Whether this process lives, and whether what it stands on does."""

from http import HTTPStatus

import redis
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api.deps import Tools
from api.instruments import OK, Instruments
from darkroom.store import checkup, workers
from darkroom.store.session import StoreAway
from darkroom.telemetry.logs import logger

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """This process serves."""

    status: str = "alive"


class Readiness(BaseModel):
    """Each check is `ok`, or says why not; a degraded broker alone keeps nobody from submitting."""

    status: str
    checks: dict[str, str]
    workers: int = Field(description="Slots of the living workers.")


@router.get("/livez", operation_id="getLiveness", summary="Say that this process lives")
def alive() -> Alive:
    """Say that this process lives."""
    return Alive()


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Say what this process stands on",
    responses={503: {"model": Readiness, "description": "Something it needs is away."}},
)
def ready(tools: Tools, response: Response) -> Readiness:
    """Say what this process stands on."""
    checks, slots = checked(tools)
    well = all(said == OK for name, said in checks.items() if name != "redis")
    if not well:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Readiness(status="ready" if well else "unready", checks=checks, workers=slots)


def checked(tools: Instruments) -> tuple[dict[str, str], int]:
    """What is to be said of all that this process stands on, and how many slots the workers have."""
    record, slots = _record(tools)
    return record | {"storage": tools.storage(), "redis": _broker(tools.broker)}, slots


def _record(tools: Instruments) -> tuple[dict[str, str], int]:
    """What is to be said of the database, and how many slots it knows of."""
    try:
        with tools.transaction() as connection:
            if missing := checkup.lacking(connection):
                detail = f"run the migrations: {missing[0]} is missing"
                return {"postgres": OK, "migrations": detail}, 0
            return {"postgres": OK, "migrations": OK}, workers.slots(connection)
    except StoreAway as error:
        logger("api").warning("unready", action="readiness", reason=str(error))
        return {"postgres": "cannot be reached", "migrations": "unknown"}, 0


def _broker(broker: redis.Redis | None) -> str:
    if broker is None:
        return "degraded: DARKROOM_REDIS_URL is not set"
    try:
        broker.ping()
    except redis.RedisError as error:
        logger("api").warning("degraded", action="readiness", reason=str(error))
        return "degraded: it does not answer"
    return OK
