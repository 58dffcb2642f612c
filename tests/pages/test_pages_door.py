"""Who gets in, how, and what another site can do."""

import re

import pytest
from desk import admitted
from sqlalchemy import text

from api.web.visitor import COOKIE
from darkroom.domain.ids import BATCH, shown

PAGES = ["/", "/images", "/system", "/batches/batch_" + "0" * 32, "/jobs/job_1", "/stream"]


@pytest.mark.parametrize("path", PAGES)
def test_nobody_gets_in_without_a_session_and_everybody_comes_back(stranger, path):
    answer = stranger.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=%2F")


def test_a_key_opens_a_session_that_scripts_and_other_sites_do_not_get(stranger, desk, project):
    key = admitted(desk, project.id, "read")
    answer = stranger.post("/login", data={"key": f" {key} ", "next": "/system?a=1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/system?a=1")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert key not in cookie
    assert stranger.get("/").status_code == 200


@pytest.mark.parametrize("key", ["", "dk_nonsense", "x" * 5000, "<script>alert(1)</script>"])
def test_any_other_key_is_refused_on_the_page(stranger, key):
    answer = stranger.post("/login", data={"key": key})
    assert answer.status_code == 401
    assert "not known here" in answer.text
    assert COOKIE not in answer.headers.get("set-cookie", "")
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    "away", ["//evil.example", "https://evil.example/", "/\\evil.example", "\n"]
)
def test_nobody_is_led_to_another_site(stranger, desk, project, away):
    key = admitted(desk, project.id, "read")
    answer = stranger.post("/login", data={"key": key, "next": away})
    assert answer.headers["location"] == "/"


def test_a_link_opens_once(stranger, desk, project):
    key = admitted(desk, project.id, "submit")
    offered = stranger.post("/api/v1/logins", headers={"Authorization": f"Bearer {key}"})
    assert offered.status_code == 201
    path = offered.json()["path"]
    assert key not in path
    with desk.client() as other:
        assert other.get(path).status_code == 200
        assert other.get("/").status_code == 200
        assert "New batch" in other.get("/").text
    assert stranger.get(path).status_code == 401
    assert stranger.get("/").status_code == 303


def test_a_link_is_no_session_and_a_session_no_link(stranger, desk, project, browser):
    key = admitted(desk, project.id, "submit")
    offered = stranger.post("/api/v1/logins", headers={"Authorization": f"Bearer {key}"}).json()
    token = offered["path"].partition("token=")[2]
    assert stranger.get("/", headers={"Cookie": f"{COOKIE}={token}"}).status_code == 303
    assert stranger.get(f"/login?token={browser.cookies[COOKIE]}").status_code == 401


def test_signing_out_ends_the_session_itself(browser, stranger):
    kept = browser.cookies[COOKIE]
    assert browser.post("/logout").status_code == 303
    assert stranger.get("/", headers={"Cookie": f"{COOKIE}={kept}"}).status_code == 303


def test_a_revoked_key_ends_its_sessions(browser, desk, project):
    assert browser.get("/").status_code == 200
    with project.make.transaction() as connection:
        connection.execute(
            text("UPDATE api_keys SET revoked_at = now() WHERE project_id = :p"), {"p": project.id}
        )
    assert browser.get("/").status_code == 303


def test_no_session_is_kept_in_clear(browser, project):
    with project.make.transaction() as connection:
        kept = connection.execute(text("SELECT digest FROM sessions")).scalars().all()
    assert browser.cookies[COOKIE].encode() not in kept


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "retry"])
def test_a_form_of_another_site_does_nothing(browser, make, headers, verb):
    batch_id = make.in_progress()
    answer = browser.post(f"/batches/{shown(BATCH, batch_id)}/{verb}", headers=headers)
    assert answer.status_code == 403
    assert "another site" in answer.text


def test_another_site_cannot_submit_or_sign_anybody_out(browser):
    away = {"Origin": "https://evil.example"}
    assert browser.post("/batches", data={"prompts": "a cat"}, headers=away).status_code == 403
    assert browser.post("/logout", headers=away).status_code == 403
    assert browser.get("/").status_code == 200


def test_who_may_only_look_sees_no_button_and_has_none(reader, make):
    batch_id = shown(BATCH, make.in_progress())
    page = reader.get(f"/batches/{batch_id}").text
    assert re.findall(r"<button[^>]*>([^<]+)", page) == ["Sign out", "Filter"]
    assert "New batch" not in reader.get("/").text
    for verb in ("pause", "resume", "cancel", "retry"):
        assert reader.post(f"/batches/{batch_id}/{verb}").status_code == 403
    assert reader.post("/batches", data={"prompts": "a cat"}).status_code == 403
    assert reader.post("/batches/check", data={"prompts": "a cat"}).status_code == 403
