"""The API over HTTP: typed replies, and one clear error for whatever goes wrong."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx2

from darkroom.cli.ending import CliError, Exit, Unreachable
from darkroom.cli.options import Submission
from darkroom.cli.refused import detail_of, refusal
from darkroom.cli.replies import (
    Batch,
    Freed,
    Job,
    Key,
    Offer,
    ProviderState,
    Readiness,
    Review,
    problem_of,
)
from darkroom.cli.source import Source
from darkroom.domain.figures import duration
from darkroom.domain.problem import Problem

TIMEOUT = httpx2.Timeout(30, connect=5)
UPLOAD_TIMEOUT = httpx2.Timeout(300, connect=5)
WAITING_LOOKED_AT = 20
JOBS_PAGE = 1000
DOWNLOADS = 16
_RETRY_PAUSE = 0.5
_AWAY = frozenset({502, 503, 504})
_NOTHING_LEFT = 416
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Parsed = TypeVar("Parsed")


class Client:
    """Speaks to one API; safe to use from several threads.

    What changes nothing, or was not sent, is tried again while nobody answers, for `patience` seconds, or for
    `first` before it was ever heard, unless `stopping` is set; `say` hears of it. `fix` is what helps then.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        patience: float = 0.0,
        first: float = 0.0,
        fix: str | None = None,
        stopping: Event | None = None,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._patience, self._first = patience, first
        self._fix = fix
        self._stopping = stopping or Event()
        self._say = say
        self._heard = False
        self._http = httpx2.Client(
            base_url=self._url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT,
            limits=httpx2.Limits(max_connections=DOWNLOADS),
            trust_env=urlsplit(self._url).hostname not in _LOOPBACK,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def holds(self, prefix: str) -> bool:
        """Whether the key that begins like this is the one we speak with."""
        return self._key.startswith(prefix)

    def readiness(self) -> Readiness:
        """What it stands on, also when some of that is missing."""
        try:
            response = self._http.get("/readyz")
            return Readiness.of(response.json())
        except httpx2.TransportError as error:
            raise self._away(error) from error
        except (KeyError, TypeError, ValueError) as error:
            raise self._strange(error) from error

    def upload(self, source: Source) -> str:
        """Hand a file in; its id."""
        return self._handed_in(source.path, source.name, "batch")

    def _handed_in(self, path: Path, name: str, purpose: str) -> str:
        with path.open("rb") as file:
            response = self._send(
                "POST",
                "/api/v1/files",
                data={"purpose": purpose},
                files={"file": (name, file, "application/octet-stream")},
                timeout=UPLOAD_TIMEOUT,
            )
        return self._read(lambda reply: str(reply["id"]), response)

    def keep_picture(self, sha256: str, path: Path) -> str:
        """Hand a picture in if it is not there yet; its file's id."""
        known = self._page("/api/v1/files", lambda reply: str(reply["id"]), sha256=sha256)[0]
        return known[0] if known else self._handed_in(path, path.name, "vision")

    def create(self, submission: Submission, file_id: str) -> tuple[Batch, bool]:
        """Make a batch; or (True) the one that was made of the same before."""
        response = self._send("POST", "/api/v1/batches", json=submission.body(file_id))
        return self._read(Batch.of, response), response.status_code == httpx2.codes.OK

    def ask(self, path: str, parse: Callable[[Any], Parsed], **query: Any) -> Parsed:
        """What stands at a path below `/api/v1`."""
        return self._get(f"/api/v1{path}", parse, **query)

    def tell(self, path: str, body: Any, parse: Callable[[Any], Parsed]) -> Parsed:
        """What a path below `/api/v1` answers to this body; reading a long plan takes it a while."""
        return self._read(
            parse, self._send("POST", f"/api/v1{path}", json=body, timeout=UPLOAD_TIMEOUT)
        )

    def put(self, path: str, body: Any, parse: Callable[[Any], Parsed]) -> Parsed:
        """What a path below `/api/v1` makes of this body."""
        return self._read(parse, self._send("PUT", f"/api/v1{path}", json=body))

    def remove(self, path: str) -> None:
        """Take away what stands at a path below `/api/v1`."""
        self._send("DELETE", f"/api/v1{path}")

    def batches(self, limit: int = 20) -> list[Batch]:
        """The latest batches, newest first."""
        return self._page("/api/v1/batches", Batch.of, limit=limit)[0]

    def batch(self, batch_id: str) -> Batch:
        return self._get(f"/api/v1/batches/{batch_id}", Batch.of)

    def waiting_job(self, batch_id: str) -> Job | None:
        """The first job that waits to be tried again, with what stood in its way."""
        path = f"/api/v1/batches/{batch_id}/jobs"
        page, _ = self._page(path, Job.of, limit=WAITING_LOOKED_AT, state="queued")
        return next((job for job in page if job.failure), None)

    def jobs(self, batch_id: str) -> Iterator[Job]:
        """Every job of a batch, in the order of the lines."""
        yield from self.all(f"/batches/{batch_id}/jobs", Job.of, limit=JOBS_PAGE)

    def problems(self, batch: Batch) -> Iterator[Problem]:
        """Everything that is wrong with a batch's input, in the order of its lines."""
        if len(batch.problems) == batch.problem_count:
            yield from batch.problems
        else:
            yield from self.all(f"/batches/{batch.id}/problems", problem_of, limit=JOBS_PAGE)

    @contextmanager
    def image(self, url: str) -> Iterator[Iterator[bytes]]:
        """The bytes behind an image's URL, as they come."""
        try:
            with self._http.stream("GET", url) as response:
                if response.is_error:
                    response.read()
                    raise self._refusal(response)
                yield response.iter_raw()
        except httpx2.TransportError as error:
            raise self._away(error) from error

    @contextmanager
    def archive(
        self, batch_id: str, query: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Iterator[httpx2.Response]:
        """A batch's archive as it comes, or the rest of it; laying out a large one takes a while."""
        path = f"/api/v1/batches/{batch_id}/archive"
        try:
            with self._http.stream(
                "GET", path, params=query, headers=headers, timeout=UPLOAD_TIMEOUT
            ) as response:
                if response.is_error and response.status_code != _NOTHING_LEFT:
                    response.read()
                    raise self._refusal(response)
                yield response
        except httpx2.TransportError as error:
            raise self._away(error) from error

    def pause(self, batch_id: str, reason: str = "requested") -> Batch:
        return self._act(batch_id, "pause", {"reason": reason})

    def resume(self, batch_id: str, budget: Decimal | None = None) -> Batch:
        return self._act(batch_id, "resume", {"budget": None if budget is None else str(budget)})

    def reprioritise(self, batch_id: str, priority: int) -> Batch:
        return self._act(batch_id, "priority", {"priority": priority})

    def granted(self, batch: Batch, budget: Decimal | None) -> Batch:
        """The batch under no less than this budget; what was granted before is never taken back."""
        if budget is None or (batch.cost.cap or 0) >= budget:
            return batch
        return self.resume(batch.id, budget)

    def cancel(self, batch_id: str) -> Batch:
        return self._act(batch_id, "cancel", None)

    def retry(self, batch_id: str, only: Sequence[str], cap: Decimal | None = None) -> Batch:
        """A new batch of what failed, or of what these words name."""
        own = {} if cap is None else {"budget": str(cap)}
        return self._act(batch_id, "retry", {"only": list(only) or None, **own})

    def review(self, batch_id: str, body: Any) -> Review:
        """Say what is approved and what is rejected; a rule over a large batch takes a while."""
        return self.tell(f"/batches/{batch_id}/reviews", body, Review.of)

    def promotion(self, batch_id: str, target: Any) -> Offer:
        """What a promotion to this would make and cost."""
        return self.tell(f"/batches/{batch_id}/promote/estimate", target, Offer.of)

    def promote(self, batch_id: str, body: Any) -> Batch:
        """A new batch of better images of what is approved."""
        return self.tell(f"/batches/{batch_id}/promote", body, Batch.of)

    def keys(self) -> list[Key]:
        """Every key of the project, newest first."""
        return list(self.all("/keys", Key.of))

    def create_key(
        self,
        name: str,
        scopes: Sequence[str],
        project: str | None = None,
        life: timedelta | None = None,
    ) -> Key:
        body: dict[str, Any] = {"name": name, "scopes": list(scopes)}
        body |= {} if project is None else {"project": project}
        body |= {} if life is None else {"expires_in": int(life.total_seconds())}
        return self._read(Key.of, self._send("POST", "/api/v1/keys", json=body))

    def rotate_key(self, key_id: str, grace: timedelta) -> Key:
        body = {"grace": int(grace.total_seconds())}
        return self._read(Key.of, self._send("POST", f"/api/v1/keys/{key_id}/rotate", json=body))

    def login_link(self) -> str:
        """A link that signs one browser in with the rights of this key."""
        return self._read(
            lambda reply: f"{self._url}{reply['path']}", self._send("POST", "/api/v1/logins")
        )

    def providers(self) -> list[ProviderState]:
        return self._get(
            "/api/v1/providers", lambda reply: [ProviderState.of(one) for one in reply["data"]]
        )

    def collect(self, *, dry_run: bool) -> Freed:
        return self._read(Freed.of, self._send("POST", "/api/v1/gc", json={"dry_run": dry_run}))

    def revoke_key(self, key_id: str) -> None:
        self.remove(f"/keys/{key_id}")

    def _act(self, batch_id: str, verb: str, body: Any) -> Batch:
        path = f"/api/v1/batches/{batch_id}/{verb}"
        return self._read(Batch.of, self._send("POST", path, json=body))

    def all(self, path: str, parse: Callable[[Any], Parsed], **query: Any) -> Iterator[Parsed]:
        """Whatever stands on all pages of a list at a path below `/api/v1`."""
        more = True
        while more:
            page, following = self._page(f"/api/v1{path}", parse, **query)
            yield from page
            more = following is not None
            query["after"] = following

    def _page(
        self, path: str, parse: Callable[[Any], Parsed], **query: Any
    ) -> tuple[list[Parsed], str | None]:
        def both(reply: Any) -> tuple[list[Parsed], str | None]:
            return [parse(one) for one in reply["data"]], reply["next"]

        return self._get(path, both, **query)

    def _get(self, path: str, parse: Callable[[Any], Parsed], **query: Any) -> Parsed:
        return self._read(parse, self._send("GET", path, params=query))

    def _send(self, method: str, path: str, **content: Any) -> httpx2.Response:
        try:
            response = self._once(method, path, **content)
        except Unreachable as error:
            patience = self._patience if self._heard else self._first
            if not patience or not (method == "GET" or error.unsent):
                raise
            self._say(f"{error.what}; trying again for {duration(patience)}")
            response = self._insist(time.monotonic() + patience, method, path, **content)
            self._say("the API answers again")
        self._heard = True
        return response

    def _insist(self, until: float, method: str, path: str, **content: Any) -> httpx2.Response:
        while True:
            try:
                return self._once(method, path, **content)
            except Unreachable as error:
                spent = time.monotonic() >= until or self._stopping.wait(_RETRY_PAUSE)
                if spent or not (method == "GET" or error.unsent):
                    raise

    def _once(self, method: str, path: str, **content: Any) -> httpx2.Response:
        try:
            response = self._http.request(method, path, **content)
        except httpx2.TransportError as error:
            raise self._away(error) from error
        if not response.is_success:
            raise self._refusal(response)
        return response

    def _read(self, parse: Callable[[Any], Parsed], response: httpx2.Response) -> Parsed:
        try:
            return parse(response.json())
        except (KeyError, TypeError, ValueError) as error:
            raise self._strange(error) from error

    def _strange(self, error: Exception) -> CliError:
        return CliError(
            f"what answers at {self._url} is not this version's API "
            f"({type(error).__name__}: {error}); check DARKROOM_API_URL",
            Exit.STOPPED,
        )

    def _refusal(self, response: httpx2.Response) -> CliError:
        if response.status_code in _AWAY:
            return self._away(f"status {response.status_code}: {detail_of(response)}")
        return refusal(self._url, response)

    def _away(self, trouble: httpx2.TransportError | str) -> Unreachable:
        reason = str(trouble) or type(trouble).__name__
        unsent = isinstance(trouble, httpx2.ConnectError | httpx2.ConnectTimeout)
        return Unreachable(self._url, reason, self._fix, unsent=unsent)
