"""Garbage collection by HTTP, and what is told of an image that has expired."""

import io
import zipfile

import pytest
from desk import admitted, assert_problem
from sqlalchemy import func, update

from darkroom.store.tables import files, images


@pytest.fixture
def operator(desk):
    key = admitted(desk, "default", "read", "admin")
    with desk.client(Authorization=f"Bearer {key}") as client:
        yield client


def test_a_dry_run_gives_nothing_up(operator, make):
    file_id = make.file(b"a cat of this test")
    with make.transaction() as connection:
        mine = update(files).where(files.c.id == file_id)
        connection.execute(mine.values(deleted_at=func.now()))
    foreseen = operator.post("/api/v1/gc", json={"dry_run": True}).json()
    assert (foreseen["files"] > 0, foreseen["more"]) == (True, False)
    again = operator.post("/api/v1/gc", json={"dry_run": True}).json()
    assert again["files"] >= foreseen["files"]
    done = operator.post("/api/v1/gc", json={}).json()
    assert done["files"] > 0
    assert done["waiting"] > 0
    assert done["more"]


def test_a_project_s_administrator_is_not_the_operator(project):
    answer = project.clients["admin"].post("/api/v1/gc", json={"dry_run": True})
    assert_problem(answer, 403, "other_project")


def test_an_image_that_has_expired_is_gone_and_its_job_says_since_when(client, make):
    batch_id = make.completed(None)
    with make.transaction() as connection:
        mine = update(images).where(images.c.batch_id == batch_id)
        connection.execute(mine.values(expired_at=func.now()))
    jobs = client.get(f"/api/v1/batches/batch_{batch_id.hex}/jobs").json()["data"]
    [image] = jobs[0]["images"]
    assert image["expired_at"]
    assert_problem(client.get(image["url"]), 410, "image_expired")
    archive = client.get(f"/api/v1/batches/batch_{batch_id.hex}/archive")
    assert zipfile.ZipFile(io.BytesIO(archive.content)).namelist() == ["manifest.csv"]
