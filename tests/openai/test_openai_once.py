"""Idempotency-Key: what is asked twice is made once, in both dialects."""

import hashlib
import threading
from uuid import uuid4

import httpx2
import pytest
from desk import admitted
from shop import GENERATIONS, drawn

from darkroom.store import idempotency
from darkroom.store.session import transaction


@pytest.fixture
def raw(shop):
    headers = {"Authorization": f"Bearer {shop.key}"}
    with httpx2.Client(base_url=shop.url, headers=headers, verify=False, timeout=60) as client:
        yield client


@pytest.fixture
def held(shop):
    """A native submission that no worker takes."""
    return {"rows": [{"prompt": "a cat"}], "focus": shop.project_id}


def _batches(raw) -> int:
    return len(raw.get("/api/v1/batches?limit=100").json()["data"])


def test_the_same_again_is_the_same_answer(raw, held):
    key = {"Idempotency-Key": "night-1"}
    first = raw.post("/api/v1/batches", json=held, headers=key)
    again = raw.post("/api/v1/batches", json=held, headers={"Idempotency-Key": '"night-1"'})
    assert first.status_code == again.status_code == 202
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.content == first.content
    assert _batches(raw) == 1


def test_another_request_under_it_is_refused(raw, held):
    key = {"Idempotency-Key": "night-2"}
    raw.post("/api/v1/batches", json=held, headers=key)
    other = raw.post("/api/v1/batches", json={**held, "name": "x"}, headers=key)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"


def test_what_was_refused_may_be_corrected_under_it(raw, held):
    key = {"Idempotency-Key": "night-3"}
    assert raw.post("/api/v1/batches", json={"rows": []}, headers=key).status_code == 422
    assert raw.post("/api/v1/batches", json=held, headers=key).status_code == 202


def test_who_comes_while_the_first_is_answered_is_told_so(raw, held, shop, counter):
    asked = {}

    def catch(request):
        asked["body"] = request.content

    with httpx2.Client(event_hooks={"request": [catch]}, verify=False) as client:
        client.post(f"{shop.url}/livez", json=held)
    with transaction(counter.engine) as connection:
        idempotency.claim(connection, shop.project_id, "night-4", _digest(asked["body"]), uuid4())
    answer = raw.post("/api/v1/batches", json=held, headers={"Idempotency-Key": "night-4"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "idempotency_key_in_use"


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(b"POST /api/v1/batches\n" + hashlib.sha256(body).digest()).digest()


def test_what_was_made_before_its_answer_was_lost_is_not_made_again(raw, held, shop, counter):
    """A server that died between the batch and the note of its answer."""
    key = {"Idempotency-Key": "night-5"}
    first = raw.post("/api/v1/batches", json=held, headers=key).json()
    with transaction(counter.engine) as connection:
        connection.exec_driver_sql(
            "UPDATE idempotency_keys SET status = NULL, claimed_at = now() - interval '1 hour'"
            f" WHERE project_id = '{shop.project_id}'"
        )
    again = raw.post("/api/v1/batches", json=held, headers=key)
    assert again.json()["id"] == first["id"]
    assert _batches(raw) == 1


def test_many_at_once_make_one(raw, held):
    key, answers = {"Idempotency-Key": "night-6"}, []
    threads = [
        threading.Thread(
            target=lambda: answers.append(raw.post("/api/v1/batches", json=held, headers=key))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert _batches(raw) == 1


def test_an_upload_is_known_by_its_content(raw):
    key = {"Idempotency-Key": "upload-1"}

    def post(data: bytes):
        return raw.post(
            "/api/v1/files",
            data={"purpose": "batch"},
            files={"file": ("a.jsonl", data)},
            headers=key,
        )

    first = post(b"{}\n")
    assert first.status_code == 201
    again = post(b"{}\n")
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert post(b"[]\n").status_code == 422


def test_a_key_in_the_metadata_does_as_well(shop):
    metadata = {"idempotency_key": "order-1"}
    file_id = shop.upload(drawn())

    def create(**more):
        return shop.client.batches.create(
            input_file_id=file_id, endpoint=GENERATIONS, completion_window="24h", **more
        )

    first = create(metadata=metadata)
    assert create(metadata=metadata).id == first.id
    assert create().id != create().id


def test_a_clients_own_repeat_of_a_batch_is_that_batch(shop):
    file_id = shop.upload(drawn())

    def create(**headers):
        return shop.client.batches.create(
            input_file_id=file_id,
            endpoint=GENERATIONS,
            completion_window="24h",
            extra_headers=headers,
        )

    first = create()
    assert create(**{"x-stainless-retry-count": "1"}).id == first.id
    assert create().id != first.id


def test_keys_of_projects_are_their_own(raw, held, counter, shop):
    key = {"Idempotency-Key": "night-7"}
    first = raw.post("/api/v1/batches", json=held, headers=key).json()
    stranger = f"Bearer {admitted(counter, f'other-{shop.project_id}', 'submit')}"
    other = raw.post("/api/v1/batches", json=held, headers={**key, "Authorization": stranger})
    assert other.status_code == 202
    assert other.json()["id"] != first["id"]


def test_a_secret_is_shown_once(counter, shop):
    bearer = f"Bearer {admitted(counter, shop.project_id, 'admin')}"
    headers = {"Authorization": bearer, "Idempotency-Key": "key-1"}
    body = {"name": "shop", "scopes": ["read"]}
    with counter.client(**headers) as client:
        first = client.post("/api/v1/keys", json=body)
        again = client.post("/api/v1/keys", json=body)
    assert first.status_code == 201
    assert again.status_code == 409
    assert again.json()["code"] == "made_before"


@pytest.mark.parametrize("key", ["", '""', "x" * 256])
def test_what_is_no_key_is_refused(raw, held, key):
    answer = raw.post("/api/v1/batches", json=held, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["column"] == "Idempotency-Key"


def test_old_keys_are_swept(shop, counter, raw, held):
    raw.post("/api/v1/batches", json=held, headers={"Idempotency-Key": "old"})
    with transaction(counter.engine) as connection:
        connection.exec_driver_sql(
            "UPDATE idempotency_keys SET claimed_at = now() - interval '8 days'"
            f" WHERE project_id = '{shop.project_id}'"
        )
        assert idempotency.sweep(connection) == 1
