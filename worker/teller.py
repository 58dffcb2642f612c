"""Tellers: whoever comes while others are served waits, and is served next together with all who wait."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from darkroom.domain.thrift import Thrift
from darkroom.store import jobs, ledger, reservations
from darkroom.store.session import Database, StoreAway, Transaction, transaction

Request = TypeVar("Request")
Answer = TypeVar("Answer")

Serve = Callable[[Transaction, Sequence[Request]], Sequence[Answer]]
"""Answers all requests in their order, inside one transaction; an exception undoes them all."""


@dataclass(eq=False, slots=True)
class _Slip(Generic[Request, Answer]):
    """One who waits: for an answer, or for its turn to serve."""

    request: Request
    answer: "Future[Answer]" = field(default_factory=Future)
    news: threading.Event = field(default_factory=threading.Event)


class Teller(Generic[Request, Answer]):
    """Serves one group at a time, each in one transaction, so that many share one commit to disk.

    Nobody waits for company: who comes alone is served at once, by its own thread. A group is served by the
    thread of the first in it; there is no other thread, and so nothing to start or to stop.
    """

    def __init__(self, engine: Database, serve: Serve[Request, Answer]) -> None:
        self._engine = engine
        self._serve = serve
        self._lock = threading.Lock()
        self._waiting: list[_Slip[Request, Answer]] = []
        self._busy = False

    def ask(self, request: Request) -> Answer:
        """The answer to this request; it is committed.

        Raises:
            StoreAway: the database was lost to the whole group, and its commit is in doubt.
            Exception: whatever serving this request alone raises; no other request is touched by it.
        """
        slip: _Slip[Request, Answer] = _Slip(request)
        with self._lock:
            self._waiting.append(slip)
            alone, self._busy = not self._busy, True
        if not alone:
            slip.news.wait()
        if not slip.answer.done():
            self._serve_all()
        return slip.answer.result()

    def _serve_all(self) -> None:
        with self._lock:
            group, self._waiting = self._waiting, []
        try:
            self._answer(group)
        finally:
            self._call_next()
            for slip in group:
                slip.answer.cancel()
                slip.news.set()

    def _call_next(self) -> None:
        with self._lock:
            self._busy = bool(self._waiting)
            if self._busy:
                self._waiting[0].news.set()

    def _answer(self, group: Sequence[_Slip[Request, Answer]]) -> None:
        try:
            with transaction(self._engine) as connection:
                answers = self._serve(connection, [slip.request for slip in group])
        except StoreAway as away:
            _fail(group, away)
        except Exception as error:  # noqa: BLE001 - it is raised where it belongs: by who asked for it
            if len(group) == 1:
                _fail(group, error)
            else:
                self._answer_one_by_one(group)
        else:
            for slip, answer in zip(group, answers, strict=True):
                slip.answer.set_result(answer)

    def _answer_one_by_one(self, group: Sequence[_Slip[Request, Answer]]) -> None:
        """What the group was refused may be due to one of them; once the database is away, it is for all."""
        for at, slip in enumerate(group):
            self._answer([slip])
            if isinstance(away := slip.answer.exception(), StoreAway):
                return _fail(group[at + 1 :], away)
        return None


def _fail(group: Sequence[_Slip[Request, Answer]], error: Exception) -> None:
    for slip in group:
        slip.answer.set_exception(error)


class Tellers:
    """One for each of the three things that every paid call needs of the database."""

    def __init__(self, engine: Database, thrift: Thrift) -> None:
        self.tickets = Teller(engine, jobs.tickets)
        self.begins = Teller(engine, reservations.begin)
        self.settlements = Teller(engine, partial(ledger.settle, thrift=thrift))
