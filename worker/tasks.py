"""The tasks as Celery and Flower know them: names for verbs."""

from collections.abc import Callable, Sequence

from celery import Celery
from kombu.exceptions import OperationalError

from darkroom.domain.legible import harmless
from darkroom.store.jobs import Dispatched
from worker.attempt import attempt
from worker.tools import BrokerAway, Publish, Tools

ATTEMPT = "darkroom.attempt"


class AttemptFailed(Exception):  # noqa: N818 - Flower shows the name and the message
    """An attempt that brought no image; it is settled by the time this is raised."""


def register(app: Celery, tools: Callable[[], Tools]) -> None:
    """Gives the app its one task: one attempt, so that Flower shows true throughput."""

    @app.task(name=ATTEMPT, ignore_result=True, throws=(AttemptFailed,))  # type: ignore[untyped-decorator]
    def make_attempt(job_id: int, token: int, custom_id: str, prompt_head: str) -> str:  # noqa: ARG001
        report = attempt(tools(), job_id, token)
        if report.failed:
            raise AttemptFailed(report.text)
        return report.text


def publisher(app: Celery) -> Publish:
    """Sends attempts to workers over one connection; a broker that is away is found out within seconds."""

    def publish(messages: Sequence[Dispatched]) -> None:
        try:
            with app.producer_pool.acquire(block=True) as producer:
                for message in messages:
                    _send(app, producer, message)
        except OperationalError as error:
            raise BrokerAway(str(error)) from error

    return publish


def _send(app: Celery, producer: object, message: Dispatched) -> None:
    told = map(harmless, (message.custom_id, message.prompt_head))
    app.send_task(
        ATTEMPT,
        args=(message.job_id, message.token, *told),
        producer=producer,
        ignore_result=True,
        retry=False,
    )
