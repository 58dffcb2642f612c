"""Telling endpoints what happened: again and again for a day, and then no more."""

from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from darkroom.domain.event import next_try
from darkroom.domain.ids import EVENT, shown
from darkroom.store import outbox, webhooks
from darkroom.store.session import transaction
from darkroom.store.webhooks import Letter
from darkroom.telemetry.logs import logger
from darkroom.webhooks import Answered, NotDelivered, message, signed
from worker.tools import Tools

AT_ONCE = 8
"""A host that hangs holds up only seven others, for ten seconds."""


def deliver(tools: Tools) -> int:
    """Sends what is due, a few at once; counts them. No transaction is open while an endpoint thinks."""
    with transaction(tools.engine) as connection:
        letters = webhooks.claim(connection, AT_ONCE)
    if letters:
        with ThreadPoolExecutor(len(letters), "darkroom-webhook") as pool:
            list(pool.map(lambda letter: _send(tools, letter), letters))
    return len(letters)


def _send(tools: Tools, letter: Letter) -> None:
    event_id = shown(EVENT, letter.event_id)
    body = message(event_id, letter.type, letter.created_at, letter.data)
    headers = signed(letter.secret, event_id, int(letter.now.timestamp()), body)
    try:
        answered = tools.post(letter.url, headers, body)
    except NotDelivered as failed:
        _failed(tools, letter, None, str(failed))
        return
    if answered.status // 100 == HTTPStatus.OK // 100:
        with transaction(tools.engine) as connection:
            webhooks.delivered(connection, letter, answered.status)
    else:
        _failed(tools, letter, answered, f"it answered {answered.status}")


def _failed(tools: Tools, letter: Letter, answered: Answered | None, trouble: str) -> None:
    status, wait = (answered.status, answered.wait) if answered else (None, None)
    gone = status == HTTPStatus.GONE
    after = None if gone else next_try(letter.tries, wait, tools.draw())
    with transaction(tools.engine) as connection:
        if after is not None:
            webhooks.postponed(connection, letter, status, trouble, after)
            return
        disabled = webhooks.given_up(connection, letter, status, trouble, gone=gone)
        if disabled:
            outbox.endpoint_disabled(connection, letter.endpoint_id)
    if disabled:
        logger("worker").error(
            "a webhook endpoint is disabled",
            action="disable_webhook",
            endpoint_id=letter.endpoint_id.hex,
            reason=trouble,
            fix="repair it, then redeliver one of its deliveries: that enables it",
        )
