"""One request at a time: a batch of one job that goes before everything nobody waits for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from api.asking import Asking
from api.fresh import fresh_id
from api.instruments import Instruments
from api.refusals import Invalid, Mismatch
from darkroom.domain.batchfile import Draft, Intake, survey
from darkroom.domain.models import Models
from darkroom.domain.problem import BadInput
from darkroom.store import hints, idempotency, lone
from darkroom.store.session import Connection

BEGUN_WITHIN = timedelta(minutes=10)
"""As long as OpenAI's libraries wait for an answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was written down, now or before."""

    batch_id: UUID
    attached: bool


def drafted(models: Models, endpoint: str, body: Mapping[str, Any]) -> Draft:
    """The job that a request's body asks for.

    Raises:
        Invalid: Something is wrong with it.
    """
    row = {"custom_id": "image", "method": "POST", "url": endpoint, "body": body}
    try:
        found = Intake(survey([(1, row)]), models, endpoint=endpoint).draft(1, row)
    except BadInput as error:
        raise Invalid.input("body", error) from None
    if isinstance(found, Draft):
        return found
    raise Invalid.input("body", BadInput(found))


def ask(tools: Instruments, asking: Asking, provider: str, draft: Draft) -> Asked:
    """Writes a request down, unless it is a repeat of one: then that is the one.

    Raises:
        Mismatch: Its key was used for something else.
    """
    with tools.transaction() as connection:
        batch_id = fresh_id()
        known = _known(connection, asking, batch_id)
        if known != batch_id:
            return Asked(known, attached=True)
        lone.create(
            connection,
            batch_id,
            project_id=asking.project_id,
            provider=provider,
            draft=draft,
            begun_within=BEGUN_WITHIN,
        )
        if asking.repeatable:
            idempotency.remember(connection, asking.project_id, asking.key, batch_id)
        hints.ring(connection)
    return Asked(batch_id, attached=False)


def _known(connection: Connection, asking: Asking, new: UUID) -> UUID:
    """What was made under this key, or `new`; until this transaction ends nobody makes anything under it."""
    project_id, key = asking.project_id, asking.key
    if asking.repeatable:
        found = idempotency.recall(connection, project_id, key)
        return found if found and asking.repeated else new
    claim = idempotency.claim(connection, project_id, key, asking.fingerprint, new)
    if not claim.same:
        detail = "this Idempotency-Key was used with another request; use a new one"
        raise Mismatch("idempotency_key_reused", detail)
    return claim.subject
