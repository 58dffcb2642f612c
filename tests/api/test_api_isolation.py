"""Another project's things are not there: tried on every route that the application has, in each of its dialects.

A route that is not provided for here fails the test: whoever adds one says whose things it shows.
"""

import hashlib
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.routing import iter_route_contexts
from gallery import picture
from routes import PARTS
from showing import begin_night
from sqlalchemy import text

from api.app import build
from darkroom.domain.answer import Answer, receipt_name
from darkroom.domain.catalog import Item, ItemState, Picture
from darkroom.domain.ids import ATTEMPT, shown
from darkroom.settings import Settings
from darkroom.store import catalogs, nights
from darkroom.store.catalogs import NewVersion

PICTURE = picture()
NOBODY_S = {
    "GET /openapi.json",
    "HEAD /openapi.json",
    "GET /livez",
    "GET /readyz",
    "GET /metrics",
    "GET /docs",
    "GET /docs/rapidoc.js",
    "GET /static/{of}/{name}",
    "GET /v1/models",
    "GET /v1/models/{name}",
    "GET /login",
    "POST /login",
    "POST /logout",
    "POST /api/v1/logins",
}
"""They show the same to everybody, or nothing but who asks."""

ENDLESS = {"GET /stream", "GET /system/stream"}
"""They are listened to until they have told how things stand."""

BODIES = {
    "POST /api/v1/files": None,
    "POST /api/v1/batches": {"input_file_id": "{file_id}"},
    "POST /api/v1/batches/dry-run": {"input_file_id": "{file_id}"},
    "POST /api/v1/estimates": {"input_file_id": "{file_id}"},
    "POST /api/v1/gc": {"dry_run": True},
    "POST /api/v1/keys": {"name": "mine"},
    "POST /api/v1/webhooks": {"url": "https://shop.example/hooks"},
    "POST /v1/files": None,
    "POST /v1/batches": {
        "input_file_id": "{file_id}",
        "endpoint": "/v1/images/generations",
        "completion_window": "24h",
    },
    "POST /v1/images/generations": {"prompt": 7},
    "POST /v1/images/edits": {"prompt": 7},
    "POST /jobs/{job_id}/review": "verdict=approved",
    "POST /batches/{batch_id}/review": "verdict=approved",
    "POST /batches/{batch_id}/promote": "quality=high",
    "POST /batches/{batch_id}/settle": "outcome=billed",
    "POST /batches": "file_id={file_id}",
    "POST /batches/check": "file_id={file_id}",
}
"""What is sent, of a form as it is encoded; a file that is named in it is the other project's."""

QUERIES = {"GET /api/v1/files": f"?sha256={hashlib.sha256(PICTURE).hexdigest()}"}
"""What must be asked for."""

MAKES_OWN = {
    "POST /api/v1/files",
    "POST /api/v1/keys",
    "POST /api/v1/webhooks",
    "POST /v1/files",
    "POST /v1/images/generations",
    "POST /v1/images/edits",
}
"""No id of anything is looked at there; the pictures of an edit are, by its project's workers."""

OF_THE_SETTINGS = "POST /api/v1/providers/{name}/forget"
"""Whose providers are whose is said there, and tried in test_api_projects.py."""


def routes():
    app = build(Settings(database_url="postgresql://127.0.0.1/none", home=Path("/nowhere")))
    return [
        f"{method} {route.path}"
        for route in iter_route_contexts(app.routes)
        for method in sorted(route.methods or ())
    ]


ROUTES = routes()
OF_PROJECTS = [route for route in ROUTES if route not in NOBODY_S | ENDLESS]
WITH_IDS = [route for route in OF_PROJECTS if "{" in route]
WITHOUT = [route for route in OF_PROJECTS if "{" not in route]


class Theirs:
    """Everything that a project can have, each thing with the same mark in its name."""

    def __init__(self, other) -> None:
        self.mark, self.inside = f"zebra-{uuid4().hex}", f"giraffe-{uuid4().hex}"
        self.client = client = other.clients["admin"]
        make = other.make
        hook = client.post("/api/v1/webhooks", json={"url": f"https://{self.mark}.example/"})
        hook_id = hook.json()["id"]
        batch_id = make.completed(PICTURE, name=self.mark)
        self._publish(other, batch_id)
        (job,) = self._get(f"/api/v1/batches/batch_{batch_id.hex}/jobs")["data"]
        delivery, *_ = self._get(f"/api/v1/webhooks/{hook_id}/deliveries")["data"]
        file = self._upload("batch", b'{"prompt": "a cat"}\n')
        self._upload("vision", PICTURE)
        body = {**BODIES["POST /v1/batches"], "input_file_id": file}
        compatible = client.post("/v1/batches", json={**body, "metadata": {"mark": self.mark}})
        assert compatible.status_code == 200, compatible.text
        self.ids = {
            "batch_id": f"batch_{batch_id.hex}",
            "job_id": job["id"],
            "attempt_id": self._lose(make),
            "image_id": job["images"][0]["id"],
            "key_id": client.post("/api/v1/keys", json={"name": self.mark}).json()["id"],
            "webhook_id": hook_id,
            "delivery_id": delivery["id"],
            "name": self.mark,
            "version": "1",
            "file_id": file,
        }
        self.compatible = {**self.ids, "batch_id": compatible.json()["id"]}

    def _get(self, path):
        return self.client.get(path).json()

    def _upload(self, purpose, data):
        sent = {"data": {"purpose": purpose}, "files": {"file": (f"{self.mark}.jsonl", data)}}
        return self.client.post("/v1/files", **sent).json()["id"]

    def _lose(self, make):
        """The id of a call of unknown outcome, whose answer was kept as it came."""
        begun = make.begin(make.in_progress(name=self.mark))
        make.lose(begun)
        make.end()
        answer = Answer(200, {}, self.inside.encode(), 1)
        make.blobs.keep(receipt_name(begun.attempt_id), answer.receipt())
        return shown(ATTEMPT, begun.attempt_id)

    def _publish(self, other, batch_id):
        with other.make.transaction() as connection:
            query = text("SELECT attempt_id FROM images WHERE batch_id = :b")
            [attempt_id] = connection.execute(query, {"b": batch_id}).scalars()
            image = Picture(attempt_id, 0, "print")
            item = Item(self.inside, "main", "print", ItemState.MADE, image)
            catalog = catalogs.hold(connection, other.id, self.mark, uuid4())
            new = NewVersion(batch_id, Decimal("0.9"), Decimal("0.25"))
            begin_night(connection, catalog, new, [item])
            nights.conclude(connection)

    def request(self, route):
        """How a route is asked for what is theirs."""
        method, path = route.split()
        ids = self.compatible if path.startswith("/v1/") else self.ids
        part = PARTS.get(path.rpartition("/")[2]) if method in ("POST", "PUT") else None
        body = BODIES.get(route, part)
        return method, path.format(**ids) + QUERIES.get(route, ""), _filled(body, ids)


def _filled(body, ids):
    """A body with the ids in their places."""
    match body:
        case str():
            return body.format(**ids) if "{" in body else body
        case dict():
            return {name: _filled(value, ids) for name, value in body.items()}
        case list():
            return [_filled(value, ids) for value in body]
        case _:
            return body


@pytest.fixture(scope="module")
def theirs(module_project):
    return Theirs(module_project())


@pytest.fixture(scope="module")
def mine(desk, module_project):
    """A client of another project that may do everything, by its key and by its cookie."""
    client = module_project().clients["admin"]
    link = client.post("/api/v1/logins").json()["path"]
    assert client.get(link).status_code == 200
    client.headers["Origin"] = desk.url
    return client


def asked(client, method, path, body):
    form = isinstance(body, str)
    content = {"content": body} if form else {"json": body}
    if body is None:
        content = {}
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    return client.request(method, path, headers=headers, **content)


@pytest.mark.parametrize("route", WITH_IDS)
def test_what_is_theirs_is_not_there(theirs, mine, route):
    answer = asked(mine, *theirs.request(route))
    assert answer.status_code == 404, answer.text
    _tells_nothing(answer, theirs, route)


@pytest.mark.parametrize("route", WITHOUT)
def test_what_is_theirs_stands_in_no_list_and_is_no_good_in_a_body(theirs, mine, route):
    method, _ = route.split()
    assert method == "GET" or route in BODIES, "say what is sent there"
    answer = asked(mine, *theirs.request(route))
    refused = (400, 403, 404, 422)
    assert route in MAKES_OWN or answer.status_code in ((200,) if method == "GET" else refused)
    _tells_nothing(answer, theirs, route)


def _tells_nothing(answer, theirs, route):
    """Nothing of theirs, but the name of a catalog where that was asked for."""
    assert theirs.inside not in answer.text
    assert theirs.mark not in answer.text or "{name}" in route


@pytest.mark.parametrize("route", sorted(ENDLESS))
def test_a_stream_tells_of_ones_own(theirs, mine, route):
    with mine.stream(*route.split()) as answer:
        first = next(answer.iter_text())
    assert theirs.mark not in first


def _shown(route):
    """Whether a look at it changes nothing and comes to an end."""
    return route.startswith("GET") and not route.endswith(("/stream", "/events"))


@pytest.mark.parametrize("route", [route for route in WITH_IDS if _shown(route)])
def test_to_them_it_is_there(theirs, route):
    """Else all that was refused above might be no more than nonsense."""
    assert asked(signed_in(theirs), *theirs.request(route)).status_code == 200


def signed_in(theirs):
    """Their client, by its key and by its cookie."""
    client = theirs.client
    if "darkroom_session" not in client.cookies:
        client.get(client.post("/api/v1/logins").json()["path"])
    return client


def test_to_them_all_that_changes_it_is_there(desk, module_project):
    """What is deleted is deleted last; what its state does not allow is found all the same."""
    theirs = Theirs(module_project())
    client = signed_in(theirs)
    client.headers["Origin"] = desk.url
    changing = [route for route in WITH_IDS if not route.startswith("GET")]
    changing.remove(OF_THE_SETTINGS)
    changing.sort(key=lambda route: route.startswith("DELETE"))
    found = {route: asked(client, *theirs.request(route)).status_code for route in changing}
    assert [route for route, status in found.items() if status in (404, 405, 500)] == []


def test_an_endpoint_of_mine_is_no_way_to_an_event_of_theirs(theirs, mine):
    own = mine.post("/api/v1/webhooks", json={"url": "https://shop.example/hooks"}).json()["id"]
    path = f"/api/v1/webhooks/{own}/deliveries/{theirs.ids['delivery_id']}/redeliver"
    assert mine.post(path).status_code == 404


def test_every_route_is_provided_for():
    """Names that no route has any more say nothing."""
    assert set(ROUTES) >= NOBODY_S | ENDLESS | set(BODIES) | MAKES_OWN
