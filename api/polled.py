"""A route that many poll: of those who come at the same time, one looks."""

from hashlib import blake2b
from http import HTTPStatus

from fastapi import Request, Response
from starlette.background import BackgroundTask

from api.ranges import is_same
from api.route import GuardedRoute, Handler, require_quota
from api.told import Telling, Told

SAID = ("ETag", "Cache-Control", "Retry-After", "Content-Type")


class PolledRoute(GuardedRoute):
    """A guarded route that tells pollers, who know a version, what another of them was just told."""

    def get_route_handler(self) -> Handler:
        """The handler, behind a look at what was told."""
        handle = super().get_route_handler()

        async def looked(request: Request) -> Response:
            answer = await handle(request)
            _note(request, answer)
            return answer

        async def looked_meanwhile(request: Request) -> None:
            try:
                await looked(request)
            except Exception:  # noqa: BLE001 - whoever comes next looks, and is told of it
                _told(request).forget()

        async def polled(request: Request) -> Response:
            if request.method != "GET" or not _known(request):
                return await looked(request)
            told, asked = _told(request), _asked(request)
            answer = _again(request, told.recall(asked))
            if answer is None:
                async with told.turn(asked):
                    return _again(request, told.recall(asked)) or await looked(request)
            if told.is_due(asked):
                answer.background = BackgroundTask(looked_meanwhile, request)
            return answer

        return polled


def _note(request: Request, answer: Response) -> None:
    told = _told(request)
    if request.method != "GET":
        told.forget()
    elif tag := answer.headers.get("etag"):
        headers = {name: answer.headers[name] for name in SAID if name in answer.headers}
        telling = Telling(request.state.caller, tag, headers, bytes(answer.body))
        told.note(_asked(request), telling)


def _again(request: Request, telling: Telling | None) -> Response | None:
    """The same to this poller, where it is an answer to one who knows what they know."""
    if telling is None:
        return None
    new = not is_same(_known(request), telling.tag)
    if new and not telling.body:
        return None
    request.state.caller = telling.caller
    require_quota(request)
    status = HTTPStatus.OK if new else HTTPStatus.NOT_MODIFIED
    return Response(telling.body if new else None, status, headers=dict(telling.headers))


def _known(request: Request) -> str:
    return request.headers.get("if-none-match", "")


def _told(request: Request) -> Told:
    told: Told = request.app.state.instruments.told
    return told


def _asked(request: Request) -> bytes:
    who = request.headers.get("authorization", "").encode("latin-1")
    return blake2b(who + b"\0" + request.url.path.encode()).digest()
