"""keys: made, listed, rotated and revoked; never the one that is in use."""

import json

import pytest
from canned import API_KEY

NIGHT = "2026-11-22T21:00:00Z"


def key(**changes):
    return {
        "id": "key_019ab2c34d5e7f00a1b2c3d4e5f60718",
        "name": "night-shift",
        "prefix": "dk_1234567",
        "scopes": ["submit", "read"],
        "created_at": "2026-11-22T20:00:00Z",
        "expires_at": None,
        "former_until": None,
        "last_used_at": None,
        "revoked_at": None,
        **changes,
    }


def test_a_quiet_key_is_nothing_but_the_key(api, darkroom):
    api.on("POST", "/api/v1/keys", key(key="dk_shown-once"), status=201)
    outcome = darkroom("keys", "create", "--name", "night-shift", "--scope", "read", "--quiet")
    assert (outcome.status, outcome.out, outcome.err) == (0, "dk_shown-once\n", "")
    assert json.loads(api.bodies("POST", "/api/v1/keys")[0]) == {
        "name": "night-shift",
        "scopes": ["read"],
    }


def test_keys_are_listed_and_revoked(api, darkroom):
    ends = "2999-11-22T21:00:00Z"
    listed = [key(), key(revoked_at=NIGHT), key(expires_at=NIGHT), key(expires_at=ends)]
    api.on("GET", "/api/v1/keys", {"data": listed, "has_more": False, "next": None})
    outcome = darkroom("keys", "list")
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert key()["id"] in outcome.out
    for word in ("revoked", "expired", "2999-11-22"):
        assert outcome.out.count(word) == 1
    api.on("DELETE", f"/api/v1/keys/{key()['id']}", b"", status=204)
    assert darkroom("keys", "revoke", key()["id"]).status == 0
    assert darkroom("keys", "revoke", "key_none").status == 2


def test_keys_for_programs(api, darkroom):
    api.on("GET", "/api/v1/keys", {"data": [key()], "has_more": False, "next": None})
    assert json.loads(darkroom("keys", "list", "--json").out) == [key()]


def test_a_key_for_ninety_days_and_a_new_secret_for_it(api, darkroom):
    api.on("POST", "/api/v1/keys", key(key="dk_once", expires_at=NIGHT), status=201)
    outcome = darkroom("keys", "create", "--name", "n", "--expires", "90d")
    assert "until 2026-11-22T21:00" in outcome.err
    assert json.loads(api.bodies("POST", "/api/v1/keys")[0])["expires_in"] == 90 * 86400
    rotate = f"/api/v1/keys/{key()['id']}/rotate"
    api.on("GET", "/api/v1/keys", {"data": [key()], "has_more": False, "next": None})
    api.on("POST", rotate, key(key="dk_anew"))
    outcome = darkroom("keys", "rotate", key()["id"], "--grace", "2h", "--quiet")
    assert (outcome.status, outcome.out) == (0, "dk_anew\n")
    assert json.loads(api.bodies("POST", rotate)[0]) == {"grace": 7200}
    assert darkroom("keys", "rotate", key()["id"], "--grace", "soon").status == 2


@pytest.mark.parametrize("verb", ["revoke", "rotate"])
def test_the_key_in_use_is_left_alone(api, darkroom, verb):
    listed = [key(prefix=API_KEY[:10]), key(id=f"key_{'0' * 32}")]
    api.on("GET", "/api/v1/keys", {"data": listed, "has_more": False, "next": None})
    outcome = darkroom("keys", verb, key()["id"])
    assert outcome.status == 2
    assert "is the key that this command itself uses; it would lock you out" in outcome.last_words
    assert f"then {verb} this one" in outcome.last_words
    assert api.bodies("DELETE", f"/api/v1/keys/{key()['id']}") == []
    assert api.bodies("POST", f"/api/v1/keys/{key()['id']}/rotate") == []


def test_a_key_may_be_another_projects(api, darkroom):
    api.on("POST", "/api/v1/keys", key(key="dk_shown-once"), status=201)
    assert darkroom("keys", "create", "--name", "n", "--project", "shop", "--quiet").status == 0
    assert json.loads(api.bodies("POST", "/api/v1/keys")[0])["project"] == "shop"
