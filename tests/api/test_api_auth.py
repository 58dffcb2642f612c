"""Who may do what: tried on every route there is."""

import socket
from uuid import uuid4

import pytest
from desk import assert_problem
from routes import PARTS, native_routes

from darkroom.store import catalogs
from darkroom.store.session import transaction

ROUTES = native_routes()
NOWHERE = {
    "batch_id": "batch_" + "0" * 32,
    "job_id": "job_999999999999999999",
    "attempt_id": "att_" + "0" * 32,
    "image_id": "img_" + "0" * 32 + "-0",
    "key_id": "key_" + "0" * 32,
    "name": "nothing",
    "version": "1",
    "webhook_id": "wh_" + "0" * 32,
    "delivery_id": "whd_999999999999999999",
}
ORDER = ["read", "submit", "admin"]


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_nobody_gets_in_without_a_key(stranger, route):
    response = stranger.request(route.method, route.with_ids(**NOWHERE))
    assert_problem(response, 401, "key_missing")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_key_that_is_not_known_is_no_key(stranger, route):
    headers = {"Authorization": "Bearer dk_" + "x" * 40}
    response = stranger.request(route.method, route.with_ids(**NOWHERE), headers=headers)
    assert_problem(response, 401, "key_unknown")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Basic ZGs6", "dk_123", b"Bearer \xff\xfe\x80", "Bearer " + "k" * 9000]
)
def test_no_header_is_too_strange(stranger, header):
    response = stranger.get("/api/v1/batches", headers={"Authorization": header})
    assert_problem(response, 401)


@pytest.mark.parametrize(
    ("route", "scope"),
    [(route, scope) for route in ROUTES for scope in ORDER[: ORDER.index(route.scope)]],
    ids=str,
)
def test_a_scope_that_does_not_cover_it_is_refused(project, route, scope):
    client = project.clients[scope]
    response = client.request(route.method, route.with_ids(**NOWHERE), json=_body(route))
    problem = assert_problem(response, 403, "scope_missing")
    assert route.scope in problem["detail"]


@pytest.mark.parametrize(
    ("route", "scope"),
    [(route, scope) for route in ROUTES for scope in ORDER[ORDER.index(route.scope) :]],
    ids=str,
)
def test_a_scope_that_covers_it_is_not(project, route, scope):
    client = project.clients[scope]
    response = client.request(route.method, route.with_ids(**NOWHERE), json=_body(route))
    assert response.status_code not in (401, 403)
    assert response.status_code < 500


def _body(route):
    """Something that the route can read, so that nothing else is refused before the scope."""
    if route.path.endswith("/keys") and route.method == "POST":
        return {"name": "a key"}
    if route.path.endswith(("/batches", "/dry-run")) and route.method == "POST":
        return {"rows": [{"prompt": "a cat"}]}
    if route.path.endswith("/webhooks") and route.method == "POST":
        return {"url": "https://shop.example/hooks"}
    part = PARTS.get(route.path.rpartition("/")[2]) if route.method in ("POST", "PUT") else None
    return {**part, "plan_file_id": "file-" + "0" * 32} if part and "plan_file_id" in part else part


@pytest.fixture
def foreign(new_project, desk):
    """Ids of everything there is, all of another project."""
    other = new_project()
    client = other.clients["admin"]
    hook = client.post("/api/v1/webhooks", json={"url": "https://shop.example/hooks"}).json()
    batch_id = other.make.completed(None)
    (job,) = client.get(f"/api/v1/batches/batch_{batch_id.hex}/jobs").json()["data"]
    key = client.post("/api/v1/keys", json={"name": "theirs"}).json()
    with transaction(desk.engine) as connection:
        catalogs.hold(connection, other.id, "theirs", uuid4())
    return {
        "batch_id": f"batch_{batch_id.hex}",
        "job_id": job["id"],
        "attempt_id": client.get(f"/api/v1/jobs/{job['id']}").json()["history"][0]["id"],
        "image_id": job["images"][0]["id"],
        "key_id": key["id"],
        "name": "theirs",
        "version": "1",
        "webhook_id": hook["id"],
        "delivery_id": "whd_1",
    }


STRANGE = [
    "x",
    "batch_" + "F" * 32,
    "batch_" + "0" * 31,
    "job_99999999999999999999999999",
    "job_-1",
    "job_1e3",
    "img_" + "0" * 32 + "-99999",
    "img_" + "0" * 32,
    "key_" + "g" * 32,
    "%00",
    "%ED%A0%80",
    "..%2f..%2fetc%2fpasswd",
    "x" * 5000,
    "'; DROP TABLE batches; --",
]


@pytest.mark.parametrize("name", STRANGE, ids=range(len(STRANGE)))
def test_what_cannot_be_an_id_names_nothing(project, name):
    client = project.clients["admin"]
    for route in ROUTES:
        if route.takes_id:
            path = route.with_ids(**dict.fromkeys(NOWHERE, name))
            assert_problem(client.request(route.method, path, json=_body(route)), 404)


def test_a_project_sees_nothing_of_another(project, foreign):
    assert project.clients["read"].get("/api/v1/batches").json() == {
        "data": [],
        "has_more": False,
        "next": None,
    }
    listed = project.clients["admin"].get("/api/v1/keys").json()["data"]
    assert len(listed) == len(ORDER)


@pytest.mark.parametrize(("scope", "status"), [(None, 401), ("read", 403)])
def test_who_is_refused_is_refused_before_the_body(desk, project, scope, status):
    headers = [
        "Host: desk",
        "Content-Length: 50000000",
        "Content-Type: multipart/form-data; boundary=b",
    ]
    if scope:
        headers.append(f"Authorization: {project.clients[scope].headers['authorization']}")
    host, port = desk.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall("\r\n".join(["POST /api/v1/files HTTP/1.1", *headers, "", ""]).encode())
        assert f"HTTP/1.1 {status}".encode() in connection.recv(4096)
