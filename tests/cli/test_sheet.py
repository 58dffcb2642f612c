"""A contact sheet: one file, every image in it, and nothing that a stranger wrote is more than text."""

import re

import pytest
from canned import BATCH_ID, batch, job

from darkroom.cli import sheet


@pytest.fixture
def drawn(api):
    """A batch of three images with their small views, and a job that failed."""
    api.knows(batch(counts={"total": 4, "succeeded": 3, "failed": 1}))
    images = [api.has_image(str(number), b"whole") for number in range(3)]
    for image in images:
        api.on("GET", f"{image['url']}/thumbnail", b"small " + image["id"].encode())
    hostile = {"prompt": "<script>alert(1)</script> https://elsewhere.example/x.png"}
    api.has_jobs(
        [
            job(1, 'sku-1"><img src=//evil.example>', images[:1], request=hostile),
            job(2, "sku-2", images[1:2], verdict="rejected"),
            job(3, "sku-3", images[2:], verdict="approved"),
            job(4, "sku-4", state="failed", failure={"code": "moderation_blocked"}),
        ]
    )
    return api


def test_it_is_one_file_that_asks_nobody(drawn, darkroom, here):
    outcome = darkroom("sheet", BATCH_ID, "--out", "sheet.html")
    assert (outcome.status, outcome.out) == (0, f"{here / 'sheet.html'}\n")
    page = (here / "sheet.html").read_text("utf-8")
    assert page.count("<figure") == 4
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 3
    assert all(one.startswith("data:image/webp;base64,") for one in sources)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "moderation_blocked" in page
    assert not any(path.endswith(("img_0", "img_1", "img_2")) for _, path, _ in drawn.asked)


def test_a_large_one_goes_on_in_further_files(drawn, darkroom, here, monkeypatch):
    monkeypatch.setattr(sheet, "PER_PAGE", 2)
    assert darkroom("sheet", BATCH_ID, "--out", "sheet.html").status == 0
    first, second = ((here / name).read_text("utf-8") for name in ("sheet.html", "sheet-2.html"))
    assert 'href="sheet-2.html"' in first
    assert 'href="sheet.html"' in second
    assert (first.count("<figure"), second.count("<figure")) == (2, 2)
    assert sorted(path.name for path in here.iterdir()) == ["sheet-2.html", "sheet.html"]


def test_only_what_was_approved_is_shown(drawn, darkroom, here):
    assert darkroom("sheet", BATCH_ID, "--verdict", "approved").status == 0
    page = (here / "sheet.html").read_text("utf-8")
    assert (page.count("<figure"), "sku-3" in page) == (1, True)
