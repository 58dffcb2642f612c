"""Webhooks by HTTP: registered, listed, heard of, tried again, deleted."""

from desk import assert_problem

from api.native.webhooks import ENDPOINTS_LIMIT
from darkroom.store.webhooks import claim, given_up

URL = {"url": "https://shop.example/hooks"}


def made(client, **more):
    answer = client.post("/api/v1/webhooks", json={**URL, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_the_secret_is_shown_once(client):
    hook = made(client)
    assert hook.pop("secret").startswith("whsec_")
    assert client.get("/api/v1/webhooks").json()["data"] == [hook]
    assert client.delete(f"/api/v1/webhooks/{hook['id']}").status_code == 204
    assert client.get("/api/v1/webhooks").json()["data"] == []


def test_what_is_no_web_address_or_no_event_is_refused(client):
    assert_problem(client.post("/api/v1/webhooks", json={"url": "file:///etc"}), 422)
    answer = client.post("/api/v1/webhooks", json={**URL, "events": ["batch.exploded"]})
    assert_problem(answer, 422)


def test_there_is_an_end_to_them(client):
    for _ in range(ENDPOINTS_LIMIT):
        made(client)
    assert_problem(client.post("/api/v1/webhooks", json=URL), 409, "too_many_webhooks")


def test_deliveries_are_paged_and_sent_again(client, make):
    hook = made(client, events=["batch.completed", "batch.paused"])
    for _ in range(3):
        make.completed(None)
    url = f"/api/v1/webhooks/{hook['id']}/deliveries"
    first = client.get(url, params={"limit": 2}).json()
    assert first["has_more"]
    assert [one["type"] for one in first["data"]] == ["batch.completed"] * 2
    last = client.get(url, params={"limit": 2, "after": first["data"][-1]["id"]}).json()
    assert [len(last["data"]), last["has_more"]] == [1, False]
    with make.transaction() as connection:
        for letter in claim(connection, 1_000):
            given_up(connection, letter, 410, "it answered 410", gone=True)
    assert client.get("/api/v1/webhooks").json()["data"][0]["disabled_reason"] == "it answered 410"
    again = client.post(f"{url}/{first['data'][0]['id']}/redeliver")
    assert (again.status_code, again.json()["disabled_at"]) == (202, None)
    assert client.get(url).json()["data"][0]["state"] == "pending"
