"""A route that knows its caller before it reads the body, and reads no more of it than it may."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from http import HTTPStatus
from operator import itemgetter
from time import monotonic
from typing import Any, ClassVar

import jiter
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from api.asking import Asking
from api.auth import Caller, Scope, authenticate, secret_in
from api.instruments import Instruments
from api.once import fingerprint, key_in, once
from api.refusals import TooMany

COMPATIBLE = "/v1/"
JSON_BYTES = 8_000_000
FORM_BYTES = 65_536
"""What a multipart form adds to its file at most."""

FORM_LIMITS: dict[str, Any] = {"max_files": 1, "max_fields": 8, "max_part_size": 4096}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class BoundedRequest(Request):
    """A request whose body ends with 413 where it grows too long and with 408 where it stands still or drips.

    Its JSON is strict.
    """

    limit = JSON_BYTES
    patience: ClassVar[float] = 30.0
    """Seconds that the next bytes of a body may take, and that it may be behind its lowest rate."""
    slowest: ClassVar[int] = 8_000
    """Bytes a second, on the average: a line of ISDN's. Nobody who drips holds a connection for longer."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body, as it comes in."""
        self._require(int(self.headers.get("content-length", 0)))
        received, begun_at = 0, monotonic()
        chunks = super().stream()
        while (chunk := await self._next(chunks, begun_at + received / self.slowest)) is not None:
            received += len(chunk)
            self._require(received)
            yield chunk

    async def _next(self, chunks: AsyncGenerator[bytes, None], due_at: float) -> bytes | None:
        """What comes next; at `due_at` so much as is here would be here at the lowest rate."""
        left = due_at + self.patience - monotonic()
        try:
            async with asyncio.timeout(min(max(left, 0), self.patience)):
                return await anext(chunks, None)
        except TimeoutError:
            detail = (
                f"the body stood still for {self.patience:g} s, or came in at less than "
                f"{self.slowest:,} bytes a second; send it again"
            )
            close = {"Connection": "close"}
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, headers=close) from None

    def _require(self, length: int) -> None:
        if length > self.limit:
            detail = f"the body is longer than {self.limit:,} bytes; upload a long list, a longer one in parts"
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)

    async def json(self) -> Any:
        """The body: no NaN, no name twice, no half surrogate pair, not nested without end."""
        body = await self.body()
        try:
            return jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)
        except ValueError as error:
            detail = f"the body is not JSON: {error}"
            raise HTTPException(HTTPStatus.BAD_REQUEST, detail) from None


class GuardedRoute(APIRoute):
    """A route under `/api/v1`; nobody without a key makes us read a body."""

    uploads: ClassVar[bool] = False
    secret: ClassVar[bool] = False
    """Its answers hold what is shown once."""

    def get_route_handler(self) -> Handler:
        """The handler, behind the look at the key."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request.state.caller = await self.caller(request)
            require_quota(request)
            bounded = BoundedRequest(request.scope, request.receive)
            if self.uploads:
                bounded.limit = request.app.state.instruments.upload_bytes + FORM_BYTES
            asking = await self.asking(bounded) if request.method == "POST" else None
            if asking is None:
                return await handle(bounded)
            return await once(bounded, asking, lambda: handle(bounded), secret=self.secret)

        return guarded

    async def caller(self, request: Request) -> Caller:
        """Whoever holds the key of this request. Raises Unauthenticated."""
        return await run_in_threadpool(_caller, request)

    async def asking(self, request: Request) -> Asking | None:
        """Under which key this is asked, if the caller gave one."""
        key = key_in(request)
        return None if key is None else await self.asked_under(request, key)

    async def asked_under(self, request: Request, key: str) -> Asking:
        """What is asked, under a key; nobody's body is read who may not submit."""
        caller: Caller = request.state.caller
        caller.require(Scope.SUBMIT)
        content = await self.content(request)
        return Asking(caller.project_id, key, fingerprint(request, content))

    async def content(self, request: Request) -> bytes:
        """What stands for the body: it is the same where the same is asked."""
        return await request.body()


class UploadRoute(GuardedRoute):
    """A guarded route that takes a file."""

    uploads = True

    async def content(self, request: Request) -> bytes:
        """The file and the fields of its form."""
        return await form_content(await request.form(**FORM_LIMITS))


class SecretRoute(GuardedRoute):
    """A guarded route whose answer is never kept."""

    secret = True


async def form_content(form: FormData) -> bytes:
    """What stands for a form: the same files and fields, however they were cut into parts."""
    digest = hashlib.sha256()
    for name, value in sorted(form.multi_items(), key=itemgetter(0)):
        digest.update(f"{len(name)} {name} ".encode("utf-8", "surrogatepass"))
        if isinstance(value, UploadFile):
            digest.update(await run_in_threadpool(_digest, value))
        else:
            digest.update(f"{len(value)} {value} ".encode("utf-8", "surrogatepass"))
    return digest.digest()


def _digest(upload: UploadFile) -> bytes:
    upload.file.seek(0)
    digest = hashlib.file_digest(upload.file, "sha256").digest()  # type: ignore[arg-type]
    upload.file.seek(0)
    return digest


def require_quota(request: Request) -> None:
    """Raises TooMany where a key asks more often than it may; the answer says how much is left."""
    caller: Caller = request.state.caller
    instruments: Instruments = request.app.state.instruments
    quota = instruments.throttle.take(caller.key_id or caller.project_id)
    if quota is None:
        return
    compatible = request.url.path.startswith(COMPATIBLE)
    request.state.quota = {**quota.headers, **(quota.twins if compatible else {})}
    if quota.refused:
        raise TooMany(quota.wait)


def _caller(request: Request) -> Caller:
    secret = secret_in(request.headers.get("authorization"))
    instruments: Instruments = request.app.state.instruments

    def known() -> Caller:
        with instruments.transaction() as connection:
            return authenticate(connection, secret)

    return instruments.looks.share(("key", secret), known)
