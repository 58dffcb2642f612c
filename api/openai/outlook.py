"""What lies ahead of a batch: how long it will last, and what its completion window will leave undone."""

from datetime import UTC, datetime
from uuid import UUID

from api.instruments import Instruments
from api.openai.views import Forecast
from darkroom.domain.batch import TERMINAL, BatchStatus
from darkroom.domain.forecast import lines_about, will_expire
from darkroom.store import files
from darkroom.store.insights.outlook import open_jobs
from darkroom.store.openai_batches import DossierView

HEAD = 262_144
"""So much of a file tells how long its lines are."""


def forecast(tools: Instruments, project_id: str, view: DossierView) -> Forecast | None:
    """By the limits that are set, behind all that is open; None where none is set, or it has ended."""
    limits = tools.drawn_by(project_id, view.provider).limits
    pace = limits.usual_calls if limits else None
    if pace is None or view.status in TERMINAL:
        return None
    with tools.transaction() as connection:
        ahead = open_jobs(connection, view.provider)
    waiting = view.queued + view.dispatched + view.running
    if view.status is BatchStatus.VALIDATING:
        waiting = _lines(tools, project_id, view.input_file_id)
        ahead += waiting
    late = will_expire(ahead, pace, datetime.now(UTC), view.deadline_at, None) or 0
    return Forecast(requests=waiting, seconds=ahead / pace * 60, will_expire=min(late, waiting))


def _lines(tools: Instruments, project_id: str, file_id: UUID) -> int:
    """About how many lines a file has, by its beginning: nobody waits until all of it is read."""
    with tools.transaction() as connection:
        file = files.get(connection, file_id, project_id)
    if file is None:
        return 0
    head = b"".join(tools.blobs.read(file.sha256, 0, min(HEAD, file.bytes)))
    return lines_about(head, file.bytes)
