"""The API's log: every line is JSON with an action, and none holds a secret."""

import json

from desk import serving


def test_each_line_has_an_action_and_no_secret(desk, project, tmp_path):
    made = project.clients["submit"].post("/api/v1/logins")
    link = made.json()["path"]
    refused = project.clients["read"].post("/api/v1/batches", json={})
    with desk.client() as browser:
        browser.get(link)
    line = json.loads(desk.process.saw(refused.headers["x-request-id"]))
    assert line.items() >= {
        "action": "request", "method": "POST", "path": "/api/v1/batches", "status": 403,
        "request_id": refused.headers["x-request-id"], "level": "info",
    }.items()  # fmt: skip
    everything = "".join(desk.process.lines)
    assert link.partition("=")[2] not in everything


def test_what_the_server_itself_says_is_a_line_like_any_other(tmp_path):
    with serving(tmp_path, DARKROOM_DATABASE_URL="postgresql://127.0.0.1:1/none") as (_, process):
        line = json.loads(process.saw("Uvicorn running on"))
    assert line.items() >= {"action": "uvicorn", "level": "info", "logger": "uvicorn.error"}.items()
