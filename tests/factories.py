"""Batches, jobs, attempts and images in any state, brought there by the moves that bring them there for real."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from darkroom.blobs import BlobStore
from darkroom.domain.attempt import Failed, Reservation, StoredImage, Succeeded, Unknown
from darkroom.domain.batchfile import Draft
from darkroom.domain.facts import packaged_toml, parse_models
from darkroom.domain.failure import Failure, FailureClass
from darkroom.domain.pricing import Usage
from darkroom.domain.request import Priced, resolve
from darkroom.domain.retry import GiveUp, History, TryAgain
from darkroom.store import batches, endings, files, intake, jobs, ledger, reservations
from darkroom.store.batches import NewBatch
from darkroom.store.files import File
from darkroom.store.ledger import Settlement
from darkroom.store.reservations import Claim
from darkroom.store.session import Connection, Engine, transaction

MODELS = parse_models(packaged_toml(), date(2026, 11, 22))
PIXEL = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0P\x0f\x00\x04\x85\x01\x80\x84\xa9\x8c!\x00\x00\x00\x00IEND\xaeB`\x82"
)


def priced(prompt: str = "a cat") -> Priced:
    """A small request, resolved as ingest resolves it."""
    found = resolve({"prompt": prompt, "quality": "low", "size": "1024x1024"}, MODELS)
    assert isinstance(found, Priced)
    return found


def failure(klass: FailureClass, code: str = "made_for_a_test") -> Failure:
    return Failure(klass, code, "it is a test", http_status=500)


@dataclass(frozen=True, slots=True)
class Factory:
    """Everything it makes belongs to one project, and to that project's focus, so that no worker takes it."""

    engine: Engine
    blobs: BlobStore
    project_id: str

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with transaction(self.engine) as connection:
            yield connection

    def file(self, data: bytes = b'{"prompt": "a cat"}\n', filename: str = "rows.jsonl") -> UUID:
        file_id = uuid4()
        stored = File(
            file_id,
            self.project_id,
            "batch",
            filename,
            len(data),
            self.blobs.put(data),
            datetime.now(UTC),
        )
        with self.transaction() as connection:
            files.add(connection, stored)
        return file_id

    def validating(self, **more: object) -> UUID:
        """A batch whose file nobody has read yet."""
        fields: dict[str, object] = {"options": {}, "focus": self.project_id, **more}
        batch = NewBatch(uuid4(), self.project_id, self.file(), **fields)  # type: ignore[arg-type]
        with self.transaction() as connection:
            batches.create(connection, batch)
        return batch.id

    def in_progress(self, number: int = 1, **more: object) -> UUID:
        """A batch of so many queued jobs."""
        self.validating(**more)
        return self.ingested(number)

    def ingested(self, number: int = 1) -> UUID:
        """The batch that waits for its file to be read, with so many queued jobs."""
        drafts = [Draft(line, f"row-{line}", priced(), 0) for line in range(1, number + 1)]
        with self.transaction() as connection:
            claimed = batches.claim_validating(connection, self.project_id)
            assert claimed
            intake.add_jobs(connection, claimed, drafts)
            intake.accept(connection, claimed, ())
        return claimed.id

    def refused(self, problems: Sequence[object] = ()) -> UUID:
        """A batch whose file could not be used."""
        batch_id = self.validating()
        with self.transaction() as connection:
            claimed = batches.claim_validating(connection, self.project_id)
            assert claimed
            intake.refuse(connection, claimed, problems)  # type: ignore[arg-type]
        return batch_id

    def begin(self, batch_id: UUID) -> Reservation:
        """The next due job of a batch, dispatched and running."""
        with self.transaction() as connection:
            (message,) = jobs.dispatch(connection, batch_id, ["gpt-image-2"], 1)
            claim = Claim(uuid4(), message.job_id, message.token, "worker-of-a-test", "default")
            [begun] = reservations.begin(connection, [claim])
        assert isinstance(begun, Reservation)
        return begun

    def succeed(self, begun: Reservation, *pictures: bytes, cost: str = "0.00593") -> None:
        """Ends an attempt with these images, or with one pixel."""
        stored = tuple(
            StoredImage(index, self.blobs.put(data), len(data), "png", 1, 1)
            for index, data in enumerate(pictures or (PIXEL,))
        )
        usage = Usage(text_tokens=10, output_tokens=196)
        outcome = Succeeded(stored, usage, Decimal(cost), f"req-{begun.attempt_id.hex}", 1234)
        self._settle(begun, outcome, GiveUp())

    def fall_short(self, begun: Reservation, *pictures: bytes) -> None:
        """Ends an attempt, and its job, with some of the images that were asked for."""
        stored = tuple(
            StoredImage(index, self.blobs.put(data), len(data), "png", 1, 1)
            for index, data in enumerate(pictures)
        )
        missing = failure(FailureClass.INCOMPLETE)
        outcome = Succeeded(stored, None, Decimal("0.01"), "req-short", 10, missing)
        self._settle(begun, outcome, GiveUp(), History(failures=1))

    def fail(
        self, begun: Reservation, klass: FailureClass = FailureClass.SERVER_ERROR, cost: str = "0"
    ) -> None:
        """Ends an attempt, and its job, with a failure of this class."""
        outcome = Failed(failure(klass), Decimal(cost), "req-failed", 10)
        self._settle(begun, outcome, GiveUp(), History(failures=1))

    def lose(self, begun: Reservation) -> None:
        """Ends an attempt, and its job, with nobody knowing what it cost."""
        outcome = Unknown(failure(FailureClass.UNKNOWN_OUTCOME), None, None)
        self._settle(begun, outcome, GiveUp(), History(unknowns=1))

    def stumble(self, begun: Reservation) -> None:
        """Ends an attempt in vain; its job is due again at once."""
        outcome = Failed(failure(FailureClass.OVERLOADED), Decimal(0), "req-stumbled", 10)
        self._settle(begun, outcome, TryAgain(timedelta()), History(failures=1))

    def _settle(
        self,
        begun: Reservation,
        outcome: Succeeded | Failed | Unknown,
        decision: TryAgain | GiveUp,
        history: History = History(),  # noqa: B008 - frozen
    ) -> None:
        with self.transaction() as connection:
            one = Settlement(begun, outcome, decision, history)
            assert ledger.settle(connection, [one]) == [None]

    def end(self) -> None:
        """Ends every batch that has nothing left to do, as the workers' clock does."""
        with self.transaction() as connection:
            endings.finalize(connection)
            endings.complete(connection)

    def completed(self, *ends: FailureClass | bytes | None, **more: object) -> UUID:
        """An ended batch of a job for each end: its image's bytes, its class of failure, or a pixel."""
        batch_id = self.in_progress(len(ends), **more)
        for end in ends:
            begun = self.begin(batch_id)
            match end:
                case FailureClass.UNKNOWN_OUTCOME:
                    self.lose(begun)
                case FailureClass():
                    self.fail(begun, end)
                case bytes():
                    self.succeed(begun, end)
                case None:
                    self.succeed(begun)
        self.end()
        return batch_id
