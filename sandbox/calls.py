"""One image call from its arrival to its answer."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from sandbox.contract import ImageRequest, read_request
from sandbox.delivery import Delivery, refused, unheard
from sandbox.errors import ApiError
from sandbox.faults import Data, Scene
from sandbox.intake import Submission, collect, read_submission
from sandbox.keys import check_key
from sandbox.ledger import Call
from sandbox.models import family_name
from sandbox.plan import Chosen, Markers, read_markers
from sandbox.pricing import Usage, measure
from sandbox.provenance import bare
from sandbox.references import check_mask, decode_references
from sandbox.retry_hint import retry_headers
from sandbox.throttle import Scope
from sandbox.world import World

_CROWD_SECONDS = 1.0


class ImagesEndpoint:
    """An ASGI application for one of the two image endpoints."""

    def __init__(self, world: World, *, edit: bool) -> None:
        self._world = world
        self._edit = edit

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        with self._world.ledger.call(request.url.path, f"req_{secrets.token_hex(16)}") as call:
            delivery = await _Visit(self._world, request, call, edit=self._edit).delivery()
            call.status = delivery.status
            if delivery.lingers:
                await delivery.act(scope, receive, send)
        # A caller that has its answer finds the call ended in the ledger.
        if not delivery.lingers:
            await delivery.act(scope, receive, send)


class _Visit:
    """What one call goes through."""

    def __init__(self, world: World, request: Request, call: Call, *, edit: bool) -> None:
        self._world = world
        self._request = request
        self._call = call
        self._edit = edit
        self._began = time.perf_counter()
        self._scope: Scope | None = None

    async def delivery(self) -> Delivery:
        """The answer, whatever it is."""
        try:
            return await self._answered()
        except ApiError as error:
            return refused(error, self._headers())
        except ClientDisconnect:
            return unheard()

    async def _answered(self) -> Delivery:
        call = self._call
        call.client_request_id = self._request.headers.get("x-client-request-id")
        submission = await read_submission(self._request, edit=self._edit)
        model = submission.fields.get("model")
        self._world.ledger.describe(call, submission.fields.get("prompt"), model)
        call.moderation = submission.fields.get("moderation")
        call.api_key = check_key(self._request, self._world.settings.api_key)
        self._scope = Scope(call.api_key, family_name(model))
        self._admit_request(self._scope)
        asked = await self._validated(submission)
        self._admit_work(self._scope, asked)
        markers = read_markers(asked.prompt)
        return await self._work(asked, markers, self._chosen(markers))

    def _admit_request(self, scope: Scope) -> None:
        limit = self._world.settings.max_in_flight
        self._world.throttle.admit(scope, self._call.model, {"requests": 1})
        if limit is not None and self._world.ledger.in_flight > limit:
            raise ApiError(
                429,
                f"Concurrency limit exceeded: {limit} calls are in flight, please retry later.",
                kind="rate_limit_error",
                code="rate_limit_exceeded",
                headers=retry_headers(_CROWD_SECONDS),
            )

    async def _validated(self, submission: Submission) -> ImageRequest:
        preview = self._world.settings.transparent_preview
        if not self._edit:
            return read_request(submission.fields, transparent_preview=preview)
        collected = await collect(submission, self._world.shelf)
        references = await decode_references(collected.pictures)
        if collected.mask is not None:
            await check_mask(collected.mask, references[0])
        return read_request(
            collected.fields,
            references,
            edit=True,
            transparent_preview=preview,
        )

    def _admit_work(self, scope: Scope, asked: ImageRequest) -> None:
        call = self._call
        call.model, call.n = asked.model.id, asked.n
        call.size, call.quality = asked.size, asked.quality
        call.references = len(asked.references)
        units = {
            "images": asked.n,
            "tokens": measure(asked).total,
            "input-images": len(asked.references),
        }
        self._world.throttle.admit(scope, asked.model.id, units)

    def _chosen(self, markers: Markers) -> Chosen:
        if "redirected" in self._request.query_params:
            return Chosen()
        ledger, call = self._world.ledger, self._call
        chosen = self._world.plan.choose(markers, lambda name: ledger.times_faulted(call, name))
        if chosen.name is not None:
            ledger.blame(call, chosen.name)
        return chosen

    async def _work(self, asked: ImageRequest, markers: Markers, chosen: Chosen) -> Delivery:
        fault = chosen.fault
        if fault.at_once:
            return fault.deliver(self._scene(b"", chosen))
        seconds = self._world.plan.latency(markers, asked.quality) + fault.delay(chosen.value)
        body = await self._made(asked, chosen)
        await self._pass_time(markers.hold, seconds)
        if fault.billed:
            made = replace(asked, n=fault.paint(asked).n)
            self._world.ledger.bill(self._call, made, measure(made))
        return fault.deliver(self._scene(body, chosen))

    async def _made(self, asked: ImageRequest, chosen: Chosen) -> bytes:
        fault = chosen.fault
        if not fault.billed:
            return b""
        painted = fault.paint(asked)
        images = await self._world.easel.paint(painted, self._world.settings.canned_bytes)
        data = fault.data([{"b64_json": image} for image in images])
        if fault.linked:
            data = [self._hung(entry, chosen) for entry in data]
        return _body(asked, data, measure(replace(asked, n=painted.n)))

    def _hung(self, entry: Mapping[str, Any], chosen: Chosen) -> dict[str, Any]:
        """The image behind a link; the fault's value is how often it is busy first."""
        path = self._world.gallery.hang(bare(entry["b64_json"]), int(chosen.value or 0))
        return {"url": str(self._request.base_url).rstrip("/") + path}

    async def _pass_time(self, hold: str | None, seconds: float) -> None:
        if hold is not None:
            await self._world.holds.wait(hold)
        await asyncio.sleep(max(0.0, seconds - (time.perf_counter() - self._began)))

    def _scene(self, body: bytes, chosen: Chosen) -> Scene:
        path = self._request.url.path
        return Scene(self._call.request_id, path, self._headers(), body, chosen.value)

    def _headers(self) -> dict[str, str]:
        limits = {} if self._scope is None else self._world.throttle.headers(self._scope)
        return {
            "x-request-id": self._call.request_id,
            "openai-processing-ms": str(round((time.perf_counter() - self._began) * 1000)),
            "openai-organization": "org-sandbox",
            "openai-version": "2020-10-01",
            **limits,
        }


def _body(asked: ImageRequest, data: Data, usage: Usage) -> bytes:
    answer = {
        "created": int(time.time()),
        "background": "transparent" if asked.transparent else "opaque",
        "data": data,
        "output_format": asked.output_format,
        "quality": asked.quality,
        "size": asked.size,
        "usage": usage.describe(),
    }
    if asked.safety_identifier is not None:
        answer["safety_identifier"] = asked.safety_identifier
    return orjson.dumps(answer)
