"""API keys: made, listed, rotated and revoked by who holds one that may."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Scope
from api.deps import Admin, Tools, bearer
from api.errors import documented
from api.fresh import fresh_id, fresh_key
from api.names import KEY, api_key_key, key_cursor
from api.native.bodies import KeyIn, RotationIn
from api.native.examples import KEY as EXAMPLE
from api.native.examples import paged, shows
from api.native.pages import Page, PageQuery
from api.refusals import Conflict, Missing
from api.route import SecretRoute
from darkroom.domain.ids import shown
from darkroom.store import keys
from darkroom.store.keys import ApiKey

router = APIRouter(prefix="/keys", tags=["keys"], route_class=SecretRoute, dependencies=[bearer])


class KeyOut(BaseModel):
    """What is known of a key; never the key."""

    model_config = ConfigDict(json_schema_extra=shows(EXAMPLE))

    id: str
    project: str
    name: str
    prefix: str = Field(description="Its first characters, to know it by.")
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    former_until: datetime | None = Field(
        description="Until when the secret before the last rotation is good as well."
    )
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, known: ApiKey, **more: str) -> Self:
        return cls(
            id=shown(KEY, known.id),
            project=known.project_id,
            name=known.name,
            prefix=known.prefix,
            scopes=[Scope(scope) for scope in known.scopes],
            created_at=known.created_at,
            expires_at=known.expires_at,
            former_until=known.former_until,
            last_used_at=known.last_used_at,
            revoked_at=known.revoked_at,
            **more,
        )


class KeyMade(KeyOut):
    """A key with its new secret, shown this once."""

    model_config = ConfigDict(json_schema_extra=shows({**EXAMPLE, "key": "dk_Zk3vQ9x…"}))

    key: str


class KeyPage(Page[KeyOut]):
    """Keys of the project, newest first."""

    model_config = ConfigDict(json_schema_extra=paged(EXAMPLE))


class KeyQuery(PageQuery):
    """Which keys."""

    project: str | None = Field(None, description="Another project; for keys of the operator's.")


@router.post(
    "",
    operation_id="createKey",
    summary="Make a key",
    status_code=HTTPStatus.CREATED,
    responses=documented(400, 401, 403, 408, 422, 503),
)
def make(tools: Tools, caller: Admin, body: KeyIn) -> KeyMade:
    """Make a key of this project; its secret is shown in this answer only."""
    secret, key_id = fresh_key(), fresh_id()
    project_id = caller.about(body.project)
    if project_id != caller.project_id:
        tools.projects.require(project_id)
    with tools.transaction() as connection:
        made = keys.add(
            connection,
            key_id=key_id,
            project_id=project_id,
            name=body.name,
            secret=secret,
            scopes=[scope.value for scope in dict.fromkeys(body.scopes)],
            life=None if body.expires_in is None else timedelta(seconds=body.expires_in),
        )
    assert made is not None
    return KeyMade.of(made, key=secret)


@router.get(
    "", operation_id="listKeys", summary="List keys", responses=documented(401, 403, 422, 503)
)
def list_keys(tools: Tools, caller: Admin, asked: Annotated[KeyQuery, Query()]) -> KeyPage:
    """List the project's keys, newest first, those whose time is over too."""
    project_id, after = caller.about(asked.project), key_cursor(asked.after)
    with tools.transaction() as connection:
        found = keys.page(connection, project_id, asked.limit + 1, after)
    return KeyPage.of([KeyOut.of(key) for key in found], asked.limit, lambda one: one.id)


@router.post(
    "/{key_id}/rotate",
    operation_id="rotateKey",
    summary="Rotate a key",
    responses=documented(400, 401, 403, 404, 408, 409, 422, 503),
)
def rotate(
    tools: Tools,
    caller: Admin,
    key_id: str,
    body: RotationIn | None = None,
    project: str | None = None,
) -> KeyMade:
    """Give a key a new secret, shown in this answer only; the old one stays good for a grace.

    Its id, scopes and expiry stay, and so does what is known of its use.
    """
    secret, grace = fresh_key(), timedelta(seconds=(body or RotationIn()).grace)
    project_id, wanted = caller.about(project), api_key_key(key_id)
    with tools.transaction() as connection:
        rotated = keys.rotate(connection, project_id, wanted, secret, grace)
        if rotated is None and not keys.known(connection, project_id, wanted):
            raise Missing("key", key_id)
    if rotated is None:
        raise Conflict("key_ended", "the key was revoked or has expired; make another")
    return KeyMade.of(rotated, key=secret)


@router.delete(
    "/{key_id}",
    operation_id="revokeKey",
    summary="Revoke a key",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented(401, 403, 404, 422, 503),
)
def revoke(tools: Tools, caller: Admin, key_id: str, project: str | None = None) -> None:
    """Revoke a key at once."""
    with tools.transaction() as connection:
        if not keys.revoke(connection, caller.about(project), api_key_key(key_id)):
            raise Missing("key", key_id)
