"""The pages in a real Chromium: a batch from the first prompt to its last image, five thousand frames, and axe.

Needs playwright and a Chromium; where there is none it is skipped. Screenshots are kept in the test's own folder or,
with SCREENSHOTS=DIR in the environment, there.
"""

import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from desk import Desk, admitted, serving
from factories import Factory
from PIL import Image
from sqlalchemy import text

from darkroom.blobs import open_store
from darkroom.domain.failure import FailureClass
from darkroom.domain.ids import BATCH, shown
from darkroom.store.session import transaction

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = "axe-core@4.14.1"
PATIENCE = 30_000
_FAILURES = (FailureClass.MODERATION, FailureClass.UNKNOWN_OUTCOME)
_DEVELOPED = (
    "UPDATE jobs SET state = 'succeeded', begun = 1, ended_at = now() WHERE batch_id = :b",
    "INSERT INTO attempts (id, job_id, batch_id, number, state, token, worker, provider, project_id, day, lease_expires_at, ended_at, reserved, latency_ms) SELECT uuidv7(), id, :b, 1, 'succeeded', 1, 'w', 'default', 'default', current_date, now(), now(), 1, 900 FROM jobs WHERE batch_id = :b",
    "INSERT INTO images (attempt_id, index, job_id, batch_id, sha256, bytes, format, width, height, disposition) SELECT id, 0, job_id, :b, :s, 100, 'png', 64, 48, 'published' FROM attempts WHERE batch_id = :b",
    "UPDATE batches SET queued = 0, succeeded = total, images = total WHERE id = :b",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def studio(world):
    """A world with a server in front of it."""
    with serving(
        world.folder, DARKROOM_DATABASE_URL=world.database_url, DARKROOM_REDIS_URL=world.redis_url
    ) as (address, process):
        yield Desk(address, process, world.engine, open_store(world.storage_url), world.folder)


@pytest.fixture
def open_page(chromium, studio):
    """Opens pages for somebody who is signed in; whatever the console complains of fails the test."""
    complaints: list[str] = []
    contexts = []

    def opened(**look):
        context = chromium.new_context(base_url=studio.url, **look)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text) if said.type in ("error", "warning") else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                complaints.append(asked.url)
                if not asked.url.startswith((studio.url, "blob:"))
                else None
            ),
        )
        page.goto("/login")
        page.get_by_label("API key").fill(admitted(studio, "default", "submit"))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{studio.url}/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The accessibility rules, fetched for the test alone."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm to fetch axe with")
    packed = subprocess.run(
        [npm, "pack", "--silent", AXE],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if packed.returncode:
        pytest.skip("axe cannot be fetched")
    with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


def _kept(page, name: str, folder: Path) -> None:
    target = Path(os.environ.get("SCREENSHOTS") or folder)
    page.screenshot(path=target / f"{name}.png")


def _violations(page, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("axe.run()")["violations"]
    return [
        f"{one['id']}: {json.dumps([node['html'][:160] for node in one['nodes'][:3]])}"
        for one in found
    ]


def test_a_batch_from_its_prompts_to_a_retried_failure(world, open_page):
    page = open_page()
    page.get_by_label("Prompts", exact=True).fill("a cat\na dog [[fault:moderation*1]]\na hen")
    page.get_by_label("Quality").select_option("low")
    page.get_by_label("Size").fill("1024x1024")
    page.locator(".sum", has_text="about $0.0").wait_for()
    page.get_by_label("Budget, US$").fill("0.50")
    page.get_by_role("button", name="Make 3 images").click()
    page.wait_for_url("**/batches/batch_*")
    world.start_worker()
    page.locator(".badge", has_text="Finished, with failures").wait_for()
    page.get_by_text("Refused by the safety system").first.wait_for()
    assert page.locator("tbody .state.succeeded").count() <= 2
    _kept(page, "batch", world.folder)
    page.get_by_role("button", name="Retry Refused by the safety system 1").click()
    page.get_by_text("with a retry").wait_for()
    page.locator(".badge.done", has_text="Finished").wait_for()
    page.get_by_role("link", name="Gallery").first.click()
    page.wait_for_url("**/gallery")
    images = page.locator(".frame img")
    sync_api.expect(images).to_have_count(3, timeout=PATIENCE)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.frame img')].every(one => one.naturalWidth)"
    )
    _kept(page, "gallery", world.folder)


def test_images_are_opened_and_walked_through_by_keyboard(studio, open_page):
    make = Factory(studio.engine, studio.blobs, "default")
    pictures = [_picture(colour) for colour in ("orange", "teal", "plum")]
    page = open_page()
    page.goto(f"/batches/{shown(BATCH, make.completed(*pictures))}/gallery")
    page.locator(".frame a").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    heading = page.locator("dialog h2")
    sync_api.expect(heading).to_have_text("row-2")
    page.keyboard.press("ArrowRight")
    sync_api.expect(heading).to_have_text("row-3")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the original").click()
    assert download.value.suggested_filename == "row-3.png"
    assert Path(download.value.path()).read_bytes() == pictures[2]
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent").strip().endswith("row-3")


def test_drafts_are_judged_by_keyboard_and_their_finals_ordered(studio, open_page):
    make = Factory(studio.engine, studio.blobs, "default")
    pictures = [_picture(colour) for colour in ("orange", "teal", "plum")]
    batch = f"/batches/{shown(BATCH, make.completed(*pictures))}"
    page = open_page()
    page.goto(f"{batch}/gallery")
    page.locator(".frame a").first.focus()
    page.keyboard.press("Enter")
    heading = page.locator("dialog h2")
    sync_api.expect(heading).to_have_text("row-1")
    tally = page.locator("dialog .bar-top [role=status]")
    for key, following, counted in (
        ("a", "row-2", "1 approved, 0 rejected; their finals at high: $"),
        ("r", "row-3", "1 approved, 1 rejected; their finals at high: $"),
        ("a", "row-3", "2 approved, 1 rejected; their finals at high: $"),
    ):
        page.keyboard.press(key)
        sync_api.expect(heading).to_have_text(following)
        sync_api.expect(tally).to_contain_text(counted)
    page.keyboard.press("Escape")
    sync_api.expect(page.locator(".frame[data-judged=rejected]")).to_have_count(1)
    page.goto(batch)
    page.get_by_role("link", name="Finals of what is approved").click()
    page.get_by_role("button", name="Make 2 finals").click()
    page.wait_for_url(lambda url: "/promote" not in url)
    assert "/batches/batch_" in page.url
    assert not page.url.endswith(batch)


def test_what_is_typed_or_opened_stays_while_the_page_moves(world, open_page):
    batch_id = world.submit([f"a cat {n} [[latency:0.3]]" for n in range(24)])
    page = open_page()
    page.goto(f"/batches/{shown(BATCH, batch_id)}")
    page.locator(".more-controls summary", has_text="Budget").click()
    page.locator(".more-controls input").fill("12.3")
    world.start_worker()
    sync_api.expect(page.locator(".counters .made dd")).not_to_have_text("0", timeout=PATIENCE)
    assert page.locator(".more-controls input").input_value() == "12.3"
    assert page.evaluate("document.activeElement.name") == "budget"
    world.until(batch_id)
    page.locator(".badge.done").wait_for()


def test_five_thousand_frames_are_scrolled_without_loading_them_all(studio, open_page):
    make = Factory(studio.engine, studio.blobs, "default")
    batch_id = make.in_progress(5_200)
    with transaction(studio.engine) as connection:
        _develop(connection, batch_id, studio.blobs.put(_picture("orange")))
    page = open_page()
    page.goto(f"/batches/{shown(BATCH, batch_id)}/gallery")
    page.wait_for_selector(".frame img")
    asked: list[str] = []
    page.on(
        "request", lambda one: asked.append(one.url) if one.url.endswith("/thumbnail") else None
    )
    while page.locator(".frame").count() < 5_000:
        before = page.locator(".frame").count()
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_function("n => document.querySelectorAll('.frame').length > n", arg=before)
    assert len(set(asked)) < 5_000
    sync_api.expect(page.locator("[data-next][data-full]")).to_have_count(1)
    assert (
        page.evaluate(
            "(() => { const t = performance.now(); scrollTo(0, 0); document.body.offsetHeight; return performance.now() - t })()"
        )
        < 500
    )
    page.get_by_label("Search").fill("row-5123")
    sync_api.expect(page.locator(".frame")).to_have_count(1, timeout=PATIENCE)


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_breaks_a_rule_of_accessibility(open_page, axe, scheme, width, studio):
    make = Factory(studio.engine, studio.blobs, "default")
    done = make.completed(_picture("teal"), *_FAILURES)
    going = make.in_progress(4, cap=None)
    make.begin(going)
    page = open_page(
        color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce"
    )
    batch = f"/batches/{shown(BATCH, done)}"
    for name, path in {
        "list": "/", "batch": batch, "contact-sheet": f"{batch}/gallery", "going": f"/batches/{shown(BATCH, going)}",
        "images": "/images", "system": "/system", "catalogs": "/catalogs", "finals": f"{batch}/promote",
    }.items():  # fmt: skip
        page.goto(path)
        page.locator("main").wait_for()
        if path == "/":
            page.locator(".new summary").click()
        found = _violations(page, axe)
        assert found == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        _kept(page, f"{name}-{scheme}-{width}", studio.folder)
    page.goto(f"{batch}/gallery")
    page.locator(".frame a").first.click()
    page.locator("dialog[open] h2").wait_for()
    page.keyboard.press("a")
    page.locator("dialog .bar-top", has_text="1 approved").wait_for()
    assert _violations(page, axe) == []
    assert page.locator("dialog .bar-top").bounding_box()["height"] < 60, "the bar is one line"
    _kept(page, f"viewer-{scheme}-{width}", studio.folder)
    page.context.clear_cookies()
    page.goto("/")
    assert page.url.endswith("/login?next=%2F")
    assert _violations(page, axe) == []


def _develop(connection, batch_id, sha256: str) -> None:
    """Every job of a batch has its image, all at once."""
    for statement in _DEVELOPED:
        connection.execute(text(statement), {"b": batch_id, "s": sha256})


def _picture(colour: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(target, "PNG")
    return target.getvalue()
