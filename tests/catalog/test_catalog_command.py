"""The command line and the API together: from a shop's export to the directory that a site reads."""

import csv

import pytest
from desk import serving

from darkroom.cli.main import ended

EXPORT = (
    "Handle,Title,Body (HTML),Type,Image Src\n"
    "mug,Blue Mug,<p>Clay</p>,Kitchen,https://cdn.example/1.jpg\n"
    "mug,,,,https://cdn.example/2.jpg\n"
    "cup,Red Cup,,Kitchen,\n"
    "bowl,[[fault:moderation]] Bowl,,Kitchen,\n"
)


@pytest.fixture
def darkroom(world, tmp_path, monkeypatch, capfd):
    """Runs a command against a server of the world's own, in a directory with an export."""
    services = {
        "DARKROOM_DATABASE_URL": world.database_url,
        "DARKROOM_REDIS_URL": world.redis_url,
        "DARKROOM_STORAGE_URL": world.storage_url,
    }
    here = tmp_path / "here"
    here.mkdir()
    (here / "shop.csv").write_text(EXPORT)
    monkeypatch.chdir(here)
    with serving(tmp_path, **services) as (url, _process):
        monkeypatch.setenv("DARKROOM_API_URL", url)
        monkeypatch.setenv("DARKROOM_API_KEY", "dk_test")

        def run(*words):
            capfd.readouterr()
            status = ended(list(words))
            told = capfd.readouterr()
            return status, told.out, told.err

        yield run


def manifest(folder):
    with (folder / "current" / "manifest.csv").open(newline="") as file:
        return {row["sku"]: row for row in csv.DictReader(file)}


def test_from_an_export_to_a_published_directory(darkroom, world, tmp_path):
    world.start_worker()
    here = tmp_path / "here"
    assert darkroom("catalog", "init", "shop.csv")[0] == 0
    assert "is there already" in darkroom("catalog", "init", "shop.csv")[2]
    status, out, _ = darkroom("catalog", "diff")
    assert status == 0
    assert out.splitlines()[0] == "new       3"
    assert "e.g. cup/main: Product photo of Red Cup, Kitchen" in out
    assert world.sandbox.calls() == []
    status, out, _ = darkroom("catalog", "sync")
    assert status == 1
    assert "version 1 is a candidate" in out
    assert not (here / "published").exists()
    assert darkroom("catalog", "publish", "1")[0] == 0
    rows = manifest(here / "published")
    assert {sku: row["state"] for sku, row in rows.items()} == {
        "bowl": "missing",
        "cup": "made",
        "mug": "made",
    }
    assert (here / "published" / "current" / rows["mug"]["file"]).read_bytes()[:4] == b"\x89PNG"
    assert all(
        rows["mug"][column] for column in ("sha256", "prompt", "cost_usd", "request_id", "batch_id")
    )
    (here / "shop.csv").write_text(
        EXPORT.replace("[[fault:moderation]] ", "").replace("Red", "Green")
    )
    made = len(world.sandbox.calls())
    status, out, err = darkroom("catalog", "sync", "--budget", "1")
    assert status == 0, out + err
    assert len(world.sandbox.calls()) == made + 2
    assert manifest(here / "published")["mug"]["state"] == "kept"
    assert "2 *" in darkroom("catalog", "versions")[1]


def test_what_cannot_be_used_costs_nothing(darkroom, tmp_path):
    recipe = tmp_path / "here" / "catalog.toml"
    assert "no catalog.toml" in darkroom("catalog", "diff")[2]
    recipe.write_text(
        'name = "s"\ntable = "shop.csv"\ntemplate = "{{ Title }}"\n[parameters]\nsize = "1x1"\n'
    )
    status, _, err = darkroom("catalog", "sync")
    assert status == 2
    assert "shop.csv:2: column size" in err
    assert "nothing spent" in err
    assert darkroom("catalog", "sync", "--refresh", "--reuse", "only")[0] == 2
    recipe.write_text(recipe.read_text().replace("1x1", "1024x1024"))
    status, _, err = darkroom("catalog", "versions")
    assert status == 2
    assert "there is no catalog s" in err
