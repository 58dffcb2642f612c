"""One request at a time: a batch of one job that goes before everything nobody waits for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, BinaryIO
from uuid import UUID

from api import submission
from api.asking import Asking
from api.fresh import fresh_id
from api.instruments import Instruments
from api.refusals import Invalid, Mismatch
from darkroom.domain.batchfile import Draft, Intake, survey
from darkroom.domain.ids import FILE, shown
from darkroom.domain.models import Models
from darkroom.domain.problem import BadInput
from darkroom.domain.reference import stray_paths
from darkroom.domain.request import Endpoint
from darkroom.store import batches, files, hints, idempotency, lone
from darkroom.store.batches import NewBatch
from darkroom.store.hints import About
from darkroom.store.session import Connection, now_at

BEGUN_WITHIN = timedelta(minutes=10)
"""As long as OpenAI's libraries wait for an answer."""

UNKNOWN_PICTURE: Mapping[str, str] = {"file_id": shown(FILE, UUID(int=0))}
"""Stands for a picture that came along with a request, until it is kept."""

Write = Callable[[Connection, UUID], object]
"""Writes a request down as the batch of this id, in a transaction of others."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was written down, now or before."""

    batch_id: UUID
    attached: bool


def drafted(models: Models, endpoint: Endpoint, body: Mapping[str, Any]) -> Draft:
    """The job that a request's body asks for.

    Raises:
        Invalid: Something is wrong with it.
    """
    row = _row(endpoint, body)
    try:
        found = Intake(survey([(1, row)]), models, endpoint=endpoint).draft(1, row)
    except BadInput as error:
        raise Invalid.input("body", error) from None
    if isinstance(found, Draft):
        flaws = tuple(stray_paths(found.edit, ())) if found.edit else ()
        if not flaws:
            return found
        found = flaws
    raise Invalid.input("body", BadInput(found))


def _row(endpoint: Endpoint, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"custom_id": "image", "method": "POST", "url": endpoint, "body": body}


def drawing(project_id: str, provider: str, draft: Draft) -> Write:
    """A request that is ready to be drawn as it is."""

    def write(connection: Connection, batch_id: UUID) -> None:
        lone.create(
            connection,
            batch_id,
            project_id=project_id,
            provider=provider,
            draft=draft,
            begun_within=BEGUN_WITHIN,
        )

    return write


def sent_along(
    tools: Instruments, project_id: str, pictures: Sequence[BinaryIO]
) -> list[dict[str, str]]:
    """The references to pictures that came along with a request, kept for it alone."""
    kept = [submission.keep_picture(tools.blobs, project_id, picture) for picture in pictures]
    with tools.transaction() as connection:
        for one in kept:
            files.add(connection, one)
    return [{"file_id": shown(FILE, one.id)} for one in kept]


def editing(tools: Instruments, project_id: str, provider: str, body: Mapping[str, Any]) -> Write:
    """A request whose pictures a worker brings in and looks at before it is drawn: a file of one line."""
    rows = [_row(Endpoint.EDITS, body)]
    file = submission.keep_rows(tools.blobs, project_id, rows, files.REQUEST)

    def write(connection: Connection, batch_id: UUID) -> None:
        files.add(connection, file)
        batch = NewBatch(
            id=batch_id,
            project_id=project_id,
            input_file_id=file.id,
            options={"endpoint": Endpoint.EDITS},
            provider=provider,
            deadline_at=now_at(connection) + BEGUN_WITHIN,
            lone=True,
        )
        batches.create(connection, batch)

    return write


def ask(tools: Instruments, asking: Asking, write: Write) -> Asked:
    """Writes a request down, unless it is a repeat of one: then that is the one.

    Raises:
        Mismatch: Its key was used for something else.
    """
    with tools.transaction() as connection:
        batch_id = fresh_id()
        known = _known(connection, asking, batch_id)
        if known != batch_id:
            return Asked(known, attached=True)
        write(connection, batch_id)
        if asking.repeatable:
            idempotency.remember(connection, asking.project_id, asking.key, batch_id)
        hints.ring(connection, About.LISTS, About.JOBS)
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
