"""Events from the move that makes them to an endpoint of somebody else's, read there by OpenAI's own client."""

import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from uuid import uuid4

import pytest
from openai import OpenAI
from sqlalchemy import text

from darkroom.domain.batch import BatchStatus, PausedReason
from darkroom.domain.event import DeliveryState, EventType
from darkroom.store import batches, webhooks
from darkroom.store.session import transaction

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
PRIVATE = {"DARKROOM_ALLOW_PRIVATE_URLS": "1"}


class Shop:
    """An endpoint that keeps what it hears and answers as it is told, 204 at the end."""

    def __init__(self, *answers: int, **headers: str) -> None:
        self.heard, answers = Queue(), list(answers)
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(answers.pop(0) if answers else 204)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                heard.put((dict(self.headers), body))

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"

    def hear(self):
        """The next event, verified and read by the official client."""
        headers, body = self.heard.get(timeout=30)
        with OpenAI(api_key="sk-none", webhook_secret=SECRET) as client:
            return headers["webhook-id"], client.webhooks.unwrap(body, headers)


@contextmanager
def open_shop(*answers: int, **headers: str):
    shop = Shop(*answers, **headers)
    thread = threading.Thread(target=shop.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield shop
    finally:
        shop.server.shutdown()
        shop.server.server_close()
        thread.join()


@pytest.fixture
def register(world):
    def registered(url, *wanted):
        endpoint_id = uuid4()
        with transaction(world.engine) as connection:
            webhooks.add(
                connection,
                endpoint_id,
                "default",
                url=url,
                secret=SECRET,
                wanted=[kind.value for kind in wanted or EventType],
            )
        return endpoint_id

    return registered


def deliveries(world, endpoint_id):
    with transaction(world.engine) as connection:
        return webhooks.deliveries(connection, endpoint_id, limit=10)


def endpoint(world, endpoint_id):
    with transaction(world.engine) as connection:
        return webhooks.find(connection, "default", endpoint_id)


def until(world, holds):
    with world.listening() as listener:
        for _ in range(120):
            if holds():
                return
            listener.wait(0.25)
    raise AssertionError("it never held")


def test_a_completed_batch_is_announced_and_openais_client_believes_it(world, register):
    world.start_worker(**PRIVATE)
    with open_shop() as shop:
        endpoint_id = register(shop.url)
        batch_id = world.submit(["a cat"])
        event_id, event = shop.hear()
        assert (event.type, event.data.id) == ("batch.completed", f"batch_{batch_id.hex}")
        assert event.id == event_id
        until(world, lambda: deliveries(world, endpoint_id)[0].state == DeliveryState.DELIVERED)
    [told] = deliveries(world, endpoint_id)
    assert (told.status, told.tries) == (204, 1)


def test_what_fails_is_sent_again_under_the_same_id(world, register):
    world.start_worker(**PRIVATE)
    with open_shop(500) as shop:
        endpoint_id = register(shop.url, EventType.BATCH_FAILED)
        world.submit([{"prompt": ""}])
        first, event = shop.hear()
        assert event.type == "batch.failed"
        until(world, lambda: deliveries(world, endpoint_id)[0].status == 500)
        assert endpoint(world, endpoint_id).failing_since
        with transaction(world.engine) as connection:
            connection.execute(text("UPDATE webhook_deliveries SET due_at = now()"))
        again, _ = shop.hear()
        assert again == first
        until(world, lambda: endpoint(world, endpoint_id).failing_since is None)


def test_an_endpoint_that_is_gone_is_disabled_and_a_redelivery_enables_it(world, register):
    worker = world.start_worker(**PRIVATE)
    with open_shop(410) as shop:
        endpoint_id = register(shop.url)
        other = register("https://shop.example/others", EventType.WEBHOOK_DISABLED)
        world.submit(["a cat"])
        shop.hear()
        assert "it answered 410" in worker.saw("disable_webhook")
        assert endpoint(world, endpoint_id).disabled_at
        assert [one.type for one in deliveries(world, other)] == ["webhook.disabled"]
        [told] = deliveries(world, endpoint_id)
        assert told.state == DeliveryState.FAILED
        world.until(world.submit(["a dog"]))
        assert deliveries(world, endpoint_id) == [told]
        with transaction(world.engine) as connection:
            assert webhooks.redeliver(connection, endpoint_id, told.id)
        shop.hear()
        assert endpoint(world, endpoint_id).disabled_at is None


def test_who_sends_us_on_has_not_taken_it_and_who_asks_for_time_gets_it(world, register):
    world.start_worker(**PRIVATE)
    with open_shop(302, Location="/elsewhere") as moved, open_shop(429, Retry_After="900") as busy:
        endpoints = [register(moved.url), register(busy.url)]
        world.submit(["a cat"])
        until(world, lambda: all(deliveries(world, one)[:1] for one in endpoints))
        until(world, lambda: all(deliveries(world, one)[0].status for one in endpoints))
        assert [moved.heard.qsize(), busy.heard.qsize()] == [1, 1]
    [sent_on], [asked] = (deliveries(world, one) for one in endpoints)
    assert (sent_on.status, sent_on.state) == (302, DeliveryState.PENDING)
    assert sent_on.due_at - sent_on.created_at < timedelta(minutes=5)
    assert asked.due_at - asked.created_at >= timedelta(minutes=15)


def test_without_leave_nothing_is_sent_to_this_machine(world, register):
    world.start_worker()
    with open_shop() as shop:
        endpoint_id = register(shop.url)
        world.submit(["a cat"])
        until(world, lambda: any(one.trouble for one in deliveries(world, endpoint_id)))
        assert shop.heard.empty()
    [told] = deliveries(world, endpoint_id)
    assert "inner address" in told.trouble


def test_a_move_that_is_taken_back_announces_nothing(world, register):
    endpoint_id = register("https://shop.example/pauses", EventType.BATCH_PAUSED)
    batch_id = world.submit(["a cat"])
    with transaction(world.engine) as connection:
        assert batches.pause(connection, batch_id, PausedReason.REQUESTED, "tea")
        [told] = webhooks.deliveries(connection, endpoint_id, limit=2)
        connection.rollback()
    assert told.type == EventType.BATCH_PAUSED
    assert deliveries(world, endpoint_id) == []
    assert world.batch(batch_id).status is BatchStatus.VALIDATING


def test_a_key_that_is_refused_is_announced(world, register):
    world.sandbox.configure(api_key="sk-another")
    world.start_worker(**PRIVATE)
    with open_shop() as shop:
        register(shop.url, EventType.PROVIDER_KEY_PAUSED)
        world.submit(["a cat"])
        _, body = shop.heard.get(timeout=30)
    assert b'"provider":"default"' in body
