"""API keys: made, shown once, listed without their secret, revoked at once."""

from uuid import uuid4

import pytest
from desk import assert_problem
from sqlalchemy import text

from darkroom.store import keys
from darkroom.store.session import transaction

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
        {"name": "a", "expires_in": 0},
        {"name": "a", "expires_in": "90d"},
        {"name": "a", "expires_in": 10**12},
    ],
)
def test_a_key_that_makes_no_sense_is_refused(admin, body):
    before = len(admin.get(URL).json()["data"])
    assert_problem(admin.post(URL, json=body), 422, "invalid_request")
    assert len(admin.get(URL).json()["data"]) == before


BATCHES = "/api/v1/batches"


def bearer(made):
    return {"Authorization": f"Bearer {made['key']}"}


@pytest.fixture
def later(desk):
    """Lets so much time pass for one key, on the clock that decides: the database's."""

    def shift(made, **span):
        passed = ", ".join(f"{unit} => {number}" for unit, number in span.items())
        with transaction(desk.engine) as connection:
            connection.execute(
                text(
                    f"UPDATE api_keys SET expires_at = expires_at - make_interval({passed}),"
                    f" former_until = former_until - make_interval({passed}) WHERE id = :id"
                ),
                {"id": made["id"].removeprefix("key_")},
            )

    return shift


def test_a_key_that_has_expired_is_no_key(admin, stranger, later):
    made = admin.post(URL, json={"name": "ninety days", "expires_in": 90 * 86400}).json()
    later(made, days=89)
    signed = stranger.post(
        "/login", data={"key": made["key"]}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    cookie = {"Cookie": signed.headers["set-cookie"].partition(";")[0]}
    assert stranger.get(BATCHES, headers=bearer(made)).status_code == 200
    assert stranger.get("/", headers=cookie).status_code == 200
    later(made, days=1)
    assert_problem(stranger.get(BATCHES, headers=bearer(made)), 401, "key_unknown")
    assert stranger.get("/", headers=cookie).status_code == 303
    again = admin.post(f"{URL}/{made['id']}/rotate")
    assert_problem(again, 409, "key_ended")
    [listed] = [key for key in admin.get(URL).json()["data"] if key["id"] == made["id"]]
    assert listed["expires_at"].startswith("20")


def test_a_rotated_key_has_both_secrets_for_the_grace(admin, stranger, later):
    first = admin.post(URL, json={"name": "n", "scopes": ["read"]}).json()
    second = admin.post(f"{URL}/{first['id']}/rotate", json={"grace": 3600}).json()
    assert second["key"] not in (first["key"], "")
    assert second["key"].startswith(second["prefix"])
    kept = ("id", "name", "scopes", "created_at", "expires_at")
    assert [second[name] for name in kept] == [first[name] for name in kept]
    for made in (first, second):
        assert stranger.get(BATCHES, headers=bearer(made)).status_code == 200
    later(first, hours=1)
    assert_problem(stranger.get(BATCHES, headers=bearer(first)), 401, "key_unknown")
    assert stranger.get(BATCHES, headers=bearer(second)).status_code == 200


def test_without_a_grace_the_old_secret_ends_at_once_and_its_browsers_with_it(
    desk, admin, stranger
):
    first = admin.post(URL, json={"name": "leaked"}).json()
    signed = stranger.post(
        "/login", data={"key": first["key"]}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    cookie = {"Cookie": signed.headers["set-cookie"].partition(";")[0]}
    assert stranger.get("/", headers=cookie).status_code == 200
    second = admin.post(f"{URL}/{first['id']}/rotate", json={"grace": 0}).json()
    third = admin.post(f"{URL}/{first['id']}/rotate", json={"grace": 60}).json()
    assert_problem(stranger.get(BATCHES, headers=bearer(first)), 401, "key_unknown")
    for made in (second, third):
        assert stranger.get(BATCHES, headers=bearer(made)).status_code == 200
    assert stranger.get("/", headers=cookie).status_code == 303
    again = {"key_id": uuid4(), "project_id": second["project"], "name": "n", "scopes": ["read"]}
    with transaction(desk.engine) as connection:
        assert keys.add(connection, secret=second["key"], **again) is None


def test_a_revoked_key_has_no_other_secret(admin, stranger):
    first = admin.post(URL, json={"name": "n"}).json()
    second = admin.post(f"{URL}/{first['id']}/rotate").json()
    admin.delete(f"{URL}/{first['id']}")
    for made in (first, second):
        assert_problem(stranger.get(BATCHES, headers=bearer(made)), 401, "key_unknown")
    assert_problem(admin.post(f"{URL}/{first['id']}/rotate"), 409, "key_ended")


def test_keys_come_in_pages(admin):
    for number in range(3):
        admin.post(URL, json={"name": f"key {number}"})
    whole = admin.get(URL).json()
    seen, after = [], {}
    while True:
        page = admin.get(URL, params={"limit": 2, **after}).json()
        seen += page["data"]
        if not page["has_more"]:
            break
        after = {"after": seen[-1]["id"]}
    assert seen == whole["data"]
    assert len(seen) == 6
    assert_problem(admin.get(URL, params={"after": "batch_1"}), 422)
