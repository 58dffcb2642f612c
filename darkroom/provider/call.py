"""One call: how long it may take, whether it has left us, and how it fails without an answer."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from darkroom.domain.failure import Failure, FailureClass


class CallFailed(Exception):  # noqa: N818 - named for what happened
    """A call brought no answer; `sent` is false only if not one byte of it was handed to the socket."""

    def __init__(
        self, failure: Failure, *, sent: bool, latency_ms: int, request_id: str | None = None
    ) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.sent = sent
        self.latency_ms = latency_ms
        self.request_id = request_id
        """The name under which the provider knows it, if that much came of an answer."""


@dataclass(slots=True)
class Call:
    """The call that a connection is busy with; seconds of the monotonic clock."""

    where: str
    deadline_seconds: float
    may_send: Callable[[], bool]
    sent: bool = False
    hung_up: bool = False
    """The other side closed the connection while it was read."""
    request_id: str | None = None
    """As the head of the answer says, where that has come."""
    begun: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """The seconds that are left of the deadline.

        Raises:
            TimeoutError: none are.
        """
        left = self.begun + self.deadline_seconds - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def hand_over(self) -> None:
        """The last act before a byte of the request goes to the socket.

        Raises:
            CallFailed: the caller no longer wants it sent.
        """
        if self.sent:
            return
        if not self.may_send():
            message = "the lease had lost its safety margin before the first byte; nothing was sent"
            raise self.failed(FailureClass.LEASE_SHORT, "lease_short", message)
        self.sent = True

    def failed(self, klass: FailureClass, code: str, message: str) -> CallFailed:
        """The exception that ends this call."""
        return CallFailed(
            Failure(klass, code, message),
            sent=self.sent,
            latency_ms=self.latency_ms,
            request_id=self.request_id,
        )

    def unreachable(self, code: str, reason: str) -> CallFailed:
        """The exception for a call that found no connection."""
        message = f"no connection to {self.where}: {reason}"
        return self.failed(FailureClass.UNREACHABLE, code, message)

    def lost(self, code: str, reason: str) -> CallFailed:
        """The exception for a call that left us and whose outcome nobody knows."""
        return self.failed(FailureClass.UNKNOWN_OUTCOME, code, f"{self.where}: {reason}")

    @property
    def latency_ms(self) -> int:
        """How long it has taken so far."""
        return round((time.monotonic() - self.begun) * 1000)
