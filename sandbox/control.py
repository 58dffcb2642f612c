"""The control API under `/_sandbox/`: what tests look at, wait for and change."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from sandbox.errors import ApiError
from sandbox.world import World

_LONGEST_WAIT = 600.0
_DEFAULT_WAIT = 30.0


class Control:
    """The control endpoints of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def mount(self) -> Mount:
        """The routes."""
        return Mount(
            "/_sandbox",
            routes=[
                Route("/healthz", self._healthz),
                Route("/ledger", self._ledger),
                Route("/totals", self._totals),
                Route("/wait", self._wait),
                Route("/pictures/{name}", self._picture),
                Route("/config", self._settings),
                Route("/config", self._configure, methods=["POST"]),
                Route("/release", self._release, methods=["POST"]),
                Route("/reset", self._reset, methods=["POST"]),
            ],
        )

    async def _healthz(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _ledger(self, request: Request) -> Response:
        since = int(_number(request, "since", 0))
        calls = {"calls": self._world.ledger.since(since)}
        return Response(orjson.dumps(calls), media_type="application/json")

    async def _totals(self, _request: Request) -> Response:
        return JSONResponse(self._summary())

    async def _picture(self, request: Request) -> Response:
        content = self._world.gallery.give(request.path_params["name"])
        return Response(content, media_type="image/png")

    async def _settings(self, _request: Request) -> Response:
        return JSONResponse(self._world.settings.model_dump(mode="json"))

    async def _configure(self, request: Request) -> Response:
        try:
            settings = self._world.settings.changed(await _read_object(request))
        except ValidationError as error:
            raise _unusable(error) from error
        self._world.configure(settings)
        return await self._settings(request)

    async def _release(self, request: Request) -> Response:
        name = (await _read_object(request)).get("name")
        if not isinstance(name, str):
            raise ApiError(400, "Missing required parameter: 'name'.", param="name")
        return JSONResponse({"released": self._world.holds.release(name)})

    async def _reset(self, _request: Request) -> Response:
        self._world.reset()
        return JSONResponse(self._summary())

    async def _wait(self, request: Request) -> Response:
        """Answer 200 as soon as all conditions hold, and 408 if they do not in time."""
        holds = self._condition(request)
        seconds = min(_number(request, "timeout", _DEFAULT_WAIT), _LONGEST_WAIT)
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    await self._world.bell.heard()
        except TimeoutError:
            return JSONResponse(self._summary(), status_code=408)
        return JSONResponse(self._summary())

    def _condition(self, request: Request) -> Callable[[], bool]:
        wanted = {
            name: _number(request, name, 0) for name in request.query_params if name != "timeout"
        }
        if unknown := sorted(wanted.keys() - self._measures().keys()):
            known = ", ".join(self._measures())
            raise ApiError(400, f"Cannot wait for {unknown}; known are {known}.")

        def holds() -> bool:
            measures = self._measures()
            # Nobody waits for "at least none": in_flight=0 means that all is quiet.
            return all(
                measures[name] >= least if least else measures[name] == 0
                for name, least in wanted.items()
            )

        return holds

    def _measures(self) -> dict[str, int]:
        ledger = self._world.ledger
        return {
            "calls": ledger.totals.calls,
            "ended": ledger.totals.ended,
            "billed": ledger.totals.images_billed,
            "in_flight": ledger.in_flight,
            "held": sum(self._world.holds.waiting.values()),
        }

    def _summary(self) -> dict[str, Any]:
        return {**self._world.ledger.summary(), "held": self._world.holds.waiting}


async def _read_object(request: Request) -> dict[str, Any]:
    try:
        value = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"Not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApiError(400, "Expected a JSON object.")
    return value


def _number(request: Request, name: str, default: float) -> float:
    text = request.query_params.get(name)
    try:
        return default if text is None else float(text)
    except ValueError as error:
        raise ApiError(400, f"'{name}' is not a number: '{text}'.", param=name) from error


def _unusable(error: ValidationError) -> ApiError:
    problems = (
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        for problem in error.errors(include_input=False)
    )
    return ApiError(400, "; ".join(problems), code="invalid_setting")
