"""API keys: made, shown once, listed without their secret, revoked at once."""

import pytest
from desk import assert_problem

URL = "/api/v1/keys"


@pytest.fixture
def admin(project):
    return project.clients["admin"]


def test_a_key_is_shown_once_and_works(admin, stranger):
    response = admin.post(URL, json={"name": "夜 shift", "scopes": ["read", "read"]})
    assert response.status_code == 201
    made = response.json()
    assert made["key"].startswith("dk_")
    assert len(made["key"]) == 43
    assert made["key"].startswith(made["prefix"])
    assert (made["name"], made["scopes"], made["revoked_at"]) == ("夜 shift", ["read"], None)
    headers = {"Authorization": f"bearer {made['key']}"}
    assert stranger.get("/api/v1/batches", headers=headers).status_code == 200
    listed = admin.get(URL)
    assert made["key"] not in listed.text
    mine = next(key for key in listed.json()["data"] if key["id"] == made["id"])
    assert mine["last_used_at"].endswith("Z")


def test_a_revoked_key_is_no_key(admin, stranger):
    made = admin.post(URL, json={"name": "short", "scopes": ["read"]}).json()
    for _ in range(2):
        assert admin.delete(f"{URL}/{made['id']}").status_code == 204
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert_problem(stranger.get("/api/v1/batches", headers=headers), 401, "key_unknown")
    listed = {key["id"]: key for key in admin.get(URL).json()["data"]}
    assert listed[made["id"]]["revoked_at"]


def test_without_scopes_a_key_may_read_and_submit(admin):
    assert admin.post(URL, json={"name": "usual"}).json()["scopes"] == ["read", "submit"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a\0"},
        {"name": "x" * 1000},
        {"name": "a", "scopes": []},
        {"name": "a", "scopes": ["root"]},
        {"name": "a", "scopes": "admin"},
        {"name": "a", "scope": ["admin"]},
    ],
)
def test_a_key_that_makes_no_sense_is_refused(admin, body):
    before = len(admin.get(URL).json()["data"])
    assert_problem(admin.post(URL, json=body), 422, "invalid_request")
    assert len(admin.get(URL).json()["data"]) == before
