"""What routes ask for in their signatures: instruments and a caller with the right scope."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer, SecurityScopes

from api.auth import Caller, Scope
from api.instruments import Instruments

_bearer = HTTPBearer(
    auto_error=False, scheme_name="API key", description="`dk_…`, made with POST /api/v1/keys"
)


async def _instruments(request: Request) -> Instruments:
    instruments: Instruments = request.app.state.instruments
    return instruments


async def _caller(request: Request, needed: SecurityScopes) -> Caller:
    caller: Caller = request.state.caller
    for scope in needed.scopes:
        caller.require(Scope(scope))
    return caller


async def _subject(request: Request) -> UUID | None:
    subject: UUID | None = getattr(request.state, "subject", None)
    return subject


Subject = Annotated[UUID | None, Depends(_subject)]
"""The id of what an Idempotency-Key stands for."""
Tools = Annotated[Instruments, Depends(_instruments)]
Reader = Annotated[Caller, Security(_caller, scopes=[Scope.READ])]
Submitter = Annotated[Caller, Security(_caller, scopes=[Scope.SUBMIT])]
Admin = Annotated[Caller, Security(_caller, scopes=[Scope.ADMIN])]
bearer = Depends(_bearer)
"""For a router's `dependencies`: it documents the header that GuardedRoute reads."""
