"""The command line and the API together: from a shop's export to the directory that a site reads."""

import csv
import json

import pytest
from desk import serving
from PIL import Image

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
    assert "time      about " in out
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
    assert rows["bowl"]["failure"].startswith("moderation: ")
    assert rows["mug"]["failure"] == ""
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
    status, out, _ = darkroom("report")
    assert status == 0
    assert out.splitlines()[:3] == [
        "catalog    shop, version 2: published, the current one",
        "items      2 made, 1 kept",
        "made       2 of 2 (2 images)",
    ]
    assert "spent      $0.0119, of a budget of $1.00; about $0.0119 was expected" in out
    told = json.loads(darkroom("report", "shop", "--json")[1])
    assert told["batch"]["expected"] == told["expected"]
    assert told["batch"]["slowest"][0]["seconds"] > 0


def test_a_schedule_is_kept_shown_given_another_plan_and_taken_away(darkroom, tmp_path):
    darkroom("catalog", "init", "shop.csv")
    assert (
        "there is no catalog shop"
        in darkroom("catalog", "push")[2] + darkroom("catalog", "unschedule")[2]
    )
    status, out, err = darkroom(
        *("catalog", "schedule", "shop", "0 22 * * *", "--timezone", "Europe/Berlin"),
        *("--deadline", "06:00", "--budget", "80"),
    )
    assert status == 0, err
    assert out.startswith("shop: the next night begins 20")
    assert darkroom("catalog", "push")[0] == 0
    listed = darkroom("catalog", "schedule", "--list")[1]
    assert "0 22 * * * Europe/Berlin, until 06:00, for at most $80.00" in listed
    [known] = json.loads(darkroom("catalog", "schedule", "--list", "--json")[1])
    assert (known["catalog"], known["recipe"], known["missed"]) == ("shop", None, "run")
    assert "write minute, hour" in darkroom("catalog", "schedule", "22 * *")[2]
    assert "no recipe" in darkroom("catalog", "schedule", "other", "0 22 * * *")[2]
    assert darkroom("catalog", "unschedule", "shop")[0] == 0
    assert json.loads(darkroom("catalog", "schedule", "--list", "--json")[1]) == []


def test_pictures_beside_the_recipe_are_known_by_what_they_show(darkroom, world, tmp_path):
    world.start_worker()
    here = tmp_path / "here"
    for name, colour in {"mug.png": "blue", "cup.png": "red"}.items():
        Image.new("RGB", (64, 64), colour).save(here / name)
    (here / "t.csv").write_text("sku,title,photo\nmug,Mug,mug.png\ncup,Cup,cup.png\n")
    (here / "catalog.toml").write_text(
        'name = "s"\ntable = "t.csv"\ntemplate = "{{ title }}"\n[images]\nimage = "photo"\n'
    )
    assert darkroom("catalog", "sync")[0] == 0
    assert len(world.sandbox.calls()) == 2
    (here / "mug.png").rename(here / "blue.png")
    Image.new("RGB", (64, 64), "green").save(here / "cup.png")
    (here / "t.csv").write_text("sku,title,photo\nmug,Mug,blue.png\ncup,Cup,cup.png\n")
    status, out, _ = darkroom("catalog", "diff")
    assert status == 0
    assert [line.split() for line in out.splitlines()[1:3]] == [
        ["changed", "1"],
        ["unchanged", "1"],
    ]
    (here / "blue.png").unlink()
    status, _, err = darkroom("catalog", "diff")
    assert status == 2
    assert "t.csv:2: column image" in err


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
    for command in ("diff", "sync"):
        status, _, err = darkroom("catalog", command, "--only", "mug,cupp")
        assert status == 2
        assert "--only cupp: shop.csv has no such SKU; did you mean cup?" in err
    status, _, err = darkroom("catalog", "versions")
    assert status == 2
    assert "there is no catalog s" in err
