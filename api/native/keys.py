"""API keys: made, listed and revoked by who holds one that may."""

from datetime import datetime
from http import HTTPStatus
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Scope
from api.deps import Admin, Tools, bearer
from api.errors import documented
from api.fresh import fresh_id, fresh_key
from api.names import KEY, api_key_key
from api.native.bodies import KeyIn
from api.native.examples import KEY as EXAMPLE
from api.native.examples import paged, shows
from api.refusals import Missing
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
            last_used_at=known.last_used_at,
            revoked_at=known.revoked_at,
            **more,
        )


class KeyMade(KeyOut):
    """A new key, shown this once."""

    model_config = ConfigDict(json_schema_extra=shows({**EXAMPLE, "key": "dk_Zk3vQ9x…"}))

    key: str


class KeyPage(BaseModel):
    """Every key of the project, newest first."""

    model_config = ConfigDict(json_schema_extra=paged(EXAMPLE))

    data: list[KeyOut]
    has_more: bool = False


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
        keys.add(
            connection,
            key_id=key_id,
            project_id=project_id,
            name=body.name,
            secret=secret,
            scopes=[scope.value for scope in dict.fromkeys(body.scopes)],
        )
        made = next(key for key in keys.page(connection, project_id) if key.id == key_id)
    return KeyMade.of(made, key=secret)


@router.get(
    "", operation_id="listKeys", summary="List keys", responses=documented(401, 403, 422, 503)
)
def list_keys(tools: Tools, caller: Admin, project: str | None = None) -> KeyPage:
    """List the project's keys, the revoked too."""
    with tools.transaction() as connection:
        found = keys.page(connection, caller.about(project))
    return KeyPage(data=[KeyOut.of(key) for key in found])


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
