"""A batch as one ZIP archive: whole, the same each time, and gone on with from any byte."""

import csv
import io
import zipfile
import zlib
from datetime import UTC, datetime

import pytest
from desk import admitted, assert_problem
from factories import PIXEL
from gallery import picture

from darkroom.cli.main import ended
from darkroom.domain import archive as layout
from darkroom.domain.archive import Member, ending
from darkroom.domain.failure import FailureClass

PICTURES = (PIXEL, b"second" * 1000, b"third")


@pytest.fixture
def archive(client):
    def get(batch_id, headers=None, **query):
        url = f"/api/v1/batches/batch_{batch_id.hex}/archive"
        return client.get(url, params=query, headers=headers or {})

    return get


def _opened(response):
    assert response.status_code == 200, response.text
    assert int(response.headers["content-length"]) == len(response.content)
    found = zipfile.ZipFile(io.BytesIO(response.content))
    assert found.testzip() is None
    return found


def test_it_holds_the_images_and_a_manifest_that_maps_them(archive, make):
    found = _opened(archive(make.completed(*PICTURES, FailureClass.MODERATION)))
    assert found.namelist() == ["row-1.png", "row-2.png", "row-3.png", "manifest.csv"]
    assert [found.read(f"row-{line}.png") for line in (1, 2, 3)] == [*PICTURES]
    rows = [*csv.DictReader(io.StringIO(found.read("manifest.csv").decode()))]
    assert [row["file"] for row in rows] == found.namelist()[:-1]
    assert {info.compress_type for info in found.infolist()} == {zipfile.ZIP_STORED}


def test_the_names_follow_a_layout(archive, make):
    batch_id = make.completed(*PICTURES[:2])
    found = _opened(archive(batch_id, names="all/{sku}/{variant}-{line}.{ext}"))
    assert found.namelist()[:2] == ["all/row-1/image-1.png", "all/row-2/image-2.png"]
    for bad in ("../{sku}.{ext}", "{sku}", "same.{ext}", "{prompt}.{ext}", "/{sku}.{ext}"):
        assert_problem(archive(batch_id, names=bad), 422)


def test_it_goes_on_from_any_byte(archive, make):
    batch_id = make.completed(*PICTURES)
    whole = archive(batch_id)
    tag, size = whole.headers["etag"], len(whole.content)
    for start in [*range(0, size, 997), size - 1]:
        end = min(start + 1500, size)
        headers = {"Range": f"bytes={start}-{end - 1}", "If-Range": tag}
        part = archive(batch_id, headers)
        assert part.status_code == 206
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.content == whole.content[start:end]
    stale = archive(batch_id, {"Range": "bytes=5-", "If-Range": '"other"'})
    assert (stale.status_code, stale.content) == (200, whole.content)
    assert archive(batch_id, {"If-None-Match": tag}).status_code == 304
    assert archive(batch_id, {"Range": f"bytes={size}-"}).status_code == 416
    assert archive(batch_id, names="{sku}.{ext}").headers["etag"] != tag


def test_a_batch_that_goes_on_has_no_archive_yet(archive, make):
    assert_problem(archive(make.in_progress()), 409, "batch_not_ended")


def test_an_archive_of_many_or_large_files_is_read_by_others(monkeypatch):
    """The limits from which on ZIP64 is written are lowered, so that nobody writes 4 GB for it."""
    monkeypatch.setattr(layout, "_LARGE", 40)
    monkeypatch.setattr(layout, "_MANY", 2)
    moment, data = datetime(2026, 11, 22, 6, 30, 2, tzinfo=UTC), b"x" * 50
    body, directory = b"", b""
    for name in ("a.png", "猫/b.png", "c.png"):
        member = Member(name, len(data), zlib.crc32(data))
        directory += member.entry(len(body), moment)
        body += member.header(moment) + data
    for field, at in ((b"PK\x01\x02", 20), (b"PK\x03\x04", 18)):
        assert field in body + directory, at
    end = ending(3, len(body), len(directory))
    written = (body + directory + end).replace(
        (40).to_bytes(4, "little"), (0xFFFFFFFF).to_bytes(4, "little")
    )
    found = zipfile.ZipFile(io.BytesIO(written))
    assert found.testzip() is None
    assert found.namelist() == ["a.png", "猫/b.png", "c.png"]
    assert found.infolist()[0].date_time == (2026, 11, 22, 6, 30, 2)


@pytest.fixture
def fetch(desk, project, monkeypatch, tmp_path):
    """The command line, on this server and in a directory of its own."""
    monkeypatch.setenv("DARKROOM_API_URL", desk.url)
    monkeypatch.setenv("DARKROOM_API_KEY", admitted(desk, project.id, "read"))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: ended(["fetch", *map(str, arguments)])


def test_a_download_that_broke_off_goes_on(archive, make, fetch, tmp_path, capfd):
    batch_id = make.completed(*PICTURES)
    whole = archive(batch_id)
    part, mark = tmp_path / "all.zip.part", tmp_path / "all.zip.etag"
    for had in (700, len(whole.content)):
        part.write_bytes(whole.content[:had])
        mark.write_text(whole.headers["etag"])
        assert fetch(f"batch_{batch_id.hex}", "--zip", "all.zip") == 0
        assert (tmp_path / "all.zip").read_bytes() == whole.content
        assert "3 images" in capfd.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.zip"]


def test_what_is_there_of_another_archive_is_fetched_anew(archive, make, fetch, tmp_path):
    batch_id = make.completed(*PICTURES)
    (tmp_path / "all.zip.part").write_bytes(b"x" * 50)
    (tmp_path / "all.zip.etag").write_text('"of-another"')
    assert fetch(f"batch_{batch_id.hex}", "--zip", "all.zip") == 0
    assert (tmp_path / "all.zip").read_bytes() == archive(batch_id).content


def test_a_damaged_download_is_thrown_away(archive, make, fetch, tmp_path, capfd):
    batch_id = make.completed(*PICTURES)
    whole = archive(batch_id)
    (tmp_path / "all.zip.part").write_bytes(b"\0" * 700)
    (tmp_path / "all.zip.etag").write_text(whole.headers["etag"])
    assert fetch(f"batch_{batch_id.hex}", "--zip", "all.zip") == 3
    assert "damaged" in capfd.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_files_and_archive_have_the_same_names(archive, make, fetch, tmp_path):
    batch_id = make.completed(*PICTURES)
    names = "{sku}/{variant}.{ext}"
    found = _opened(archive(batch_id, names=names))
    for _ in range(2):
        assert fetch(f"batch_{batch_id.hex}", "--out", "out", "--names", names) == 0
        out = tmp_path / "out"
        files = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
        assert files == sorted(found.namelist())
    manifest = [*csv.DictReader((out / "manifest.csv").read_text().splitlines())]
    assert [row["file"] for row in manifest] == found.namelist()[:-1]


def test_a_small_view_is_had_with_a_key(client, make):
    batch_id = make.completed(picture())
    [job] = client.get(f"/api/v1/batches/batch_{batch_id.hex}/jobs").json()["data"]
    small = client.get(f"{job['images'][0]['url']}/thumbnail")
    assert (small.status_code, small.headers["content-type"]) == (200, "image/webp")
    assert small.content.startswith(b"RIFF")
    assert_problem(client.get("/api/v1/images/img_" + "0" * 32 + "-0/thumbnail"), 404)
