"""A server that starts while its disk is not mounted: it tells how batches stand, and takes no bytes until it is."""

import httpx2
from desk import assert_problem, serving

from darkroom.blobs import open_store
from darkroom.rightful import settle

FILE = {"data": {"purpose": "batch"}, "files": {"file": ("rows.txt", b"A print\n")}}


def test_it_serves_what_needs_no_bytes_and_the_rest_when_the_disk_is_mounted(
    engine, database_url, tmp_path
):
    mounted, away = tmp_path / "blobs", tmp_path / "away"
    settle(engine, open_store(mounted.as_uri()))
    mounted.rename(away)
    mounted.mkdir()
    with (
        serving(tmp_path, DARKROOM_DATABASE_URL=database_url) as (url, process),
        httpx2.Client(base_url=url, headers={"Authorization": "Bearer dk_test"}) as client,
    ):
        process.saw("storage_trouble")
        assert client.get("/api/v1/batches").status_code == 200
        assert client.get("/login").status_code == 200
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "its disk may not be mounted" in ready.json()["checks"]["storage"]
        problem = assert_problem(client.post("/api/v1/files", **FILE), 503, "unavailable")
        assert "its disk may not be mounted" in problem["detail"]
        assert list(mounted.iterdir()) == []
        mounted.rmdir()
        away.rename(mounted)
        assert client.post("/api/v1/files", **FILE).status_code == 201
