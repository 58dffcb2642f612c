"""Who is asking, and what their key is good for."""

from dataclasses import dataclass
from enum import StrEnum, auto
from uuid import UUID

from api.fresh import fresh_id
from api.projects import USUAL
from api.refusals import Forbidden, Unauthenticated
from darkroom.store import keys
from darkroom.store.session import Connection


class Scope(StrEnum):
    """What a key is good for; each includes the ones before it."""

    READ = auto()
    """Look at everything of the project."""
    SUBMIT = auto()
    """Upload, submit and control."""
    ADMIN = auto()
    """Make, rotate and revoke keys, and let the provider's key be tried again."""

    def covers(self, wanted: "Scope") -> bool:
        """Whether a key of this scope may do what asks for that one.

        >>> Scope.ADMIN.covers(Scope.READ), Scope.READ.covers(Scope.SUBMIT)
        (True, False)
        """
        order = list(Scope)
        return order.index(self) >= order.index(wanted)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds the key of this request."""

    project_id: str
    scopes: tuple[Scope, ...]
    key_id: UUID | None = None

    def may(self, wanted: Scope) -> bool:
        """Whether one of the key's scopes covers this one."""
        return any(scope.covers(wanted) for scope in self.scopes)

    def require(self, wanted: Scope) -> None:
        """Raises Forbidden unless one of the key's scopes covers this one."""
        if not self.may(wanted):
            detail = f"this key has no scope that covers `{wanted}`; use a key that has it"
            raise Forbidden("scope_missing", detail)

    def about(self, wanted: str | None) -> str:
        """The project that a request is about: its own, or any that an administrator of the operator's names.

        Raises:
            Forbidden: It names another's.
        """
        if wanted is not None and self.project_id not in (wanted, USUAL):
            detail = (
                f"this key is of project {self.project_id}; use a key of {wanted} or of {USUAL}"
            )
            raise Forbidden("other_project", detail)
        return wanted or self.project_id


def admit(connection: Connection, secret: str) -> None:
    """Lets the operator's own key in, with every scope; one that was revoked stays so."""
    scopes = [scope.value for scope in Scope]
    keys.add(
        connection,
        key_id=fresh_id(),
        project_id=USUAL,
        name="admin",
        secret=secret,
        scopes=scopes,
    )


def secret_in(authorization: str | None) -> str:
    """The key in an Authorization header.

    Raises:
        Unauthenticated: There is none.

    >>> secret_in("Bearer dk_1")
    'dk_1'
    """
    scheme, _, secret = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("key_missing", "send the header `Authorization: Bearer dk_…`")
    return secret.strip()


def authenticate(connection: Connection, secret: str) -> Caller:
    """The caller whose key this is; any other text costs the same one look-up.

    Raises:
        Unauthenticated: No such key, or its time is over.
    """
    key = keys.find(connection, secret)
    if key is None:
        raise Unauthenticated(
            "key_unknown", "this API key is not known here, was revoked, or has expired"
        )
    return Caller(key.project_id, tuple(Scope(scope) for scope in key.scopes), key.id)
