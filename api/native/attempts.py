"""Attempts: the raw answer of one that brought less than it was paid for, for as long as it is kept."""

from fastapi import APIRouter, Response

from api.deps import Reader, Tools, bearer
from api.errors import documented
from api.names import attempt_key
from api.refusals import Missing
from api.route import GuardedRoute
from darkroom.domain.answer import Answer, receipt_name
from darkroom.store import insights

router = APIRouter(
    prefix="/attempts", tags=["jobs"], route_class=GuardedRoute, dependencies=[bearer]
)


@router.get(
    "/{attempt_id}/answer",
    operation_id="getAnswer",
    summary="Read a raw answer",
    response_class=Response,
    responses={
        200: {
            "description": "The provider's bytes; its status and type are in `X-Provider-…` headers.",
            "content": {"application/octet-stream": {}},
        },
        **documented(401, 403, 404, 422, 503),
    },
)
def show_answer(tools: Tools, caller: Reader, attempt_id: str) -> Response:
    """Read what the provider answered, byte for byte; kept for a week, or as set, where an image is missing."""
    key = attempt_key(attempt_id)
    with tools.transaction() as connection:
        attempt = insights.attempt(connection, caller.project_id, key)
    kept = None
    if attempt is not None and attempt.answer_kept_until(tools.retention.answers):
        kept = tools.blobs.kept(receipt_name(key))
    answer = _read(kept)
    if answer is None:
        raise Missing("raw answer of attempt", attempt_id)
    return _as_it_came(attempt_id, answer)


def _read(receipt: bytes | None) -> Answer | None:
    """What was kept; a damaged receipt holds nothing that anybody answered."""
    try:
        return None if receipt is None else Answer.from_receipt(receipt)
    except ValueError:
        return None


def _as_it_came(attempt_id: str, answer: Answer) -> Response:
    """A stranger's bytes, which no browser may take for a page of ours."""
    headers = {
        "Content-Disposition": f'attachment; filename="{attempt_id}.bin"',
        "Content-Security-Policy": "sandbox",
        "X-Content-Type-Options": "nosniff",
        "X-Provider-Status": str(answer.status),
        "X-Provider-Content-Type": answer.headers.get("content-type", ""),
    }
    return Response(answer.body, media_type="application/octet-stream", headers=headers)
