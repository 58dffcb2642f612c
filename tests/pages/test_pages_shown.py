"""What the pages show, to whom, and what hostile text does to them."""

import csv
import io
import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
import redis
from factories import failure
from PIL import Image
from sqlalchemy import text, update

from api.web import words
from darkroom.domain.batch import BatchStatus
from darkroom.domain.failure import FailureClass
from darkroom.domain.ids import BATCH, IMAGE, JOB, shown
from darkroom.domain.limit import Dimension, Heard, Limits, PerMinute, Sign
from darkroom.limits import Admitted, Limiter, Load, Memory
from darkroom.store.tables import batches

HOSTILE = [
    "<script>alert('x')</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "\u202egnp.exe\u202c \u2066",
    "long " * 6000,
]


def _picture() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (8, 6), "orange").save(target, "PNG")
    return target.getvalue()


PICTURE = _picture()


class _Found(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def _bid(batch_id) -> str:
    return shown(BATCH, batch_id)


def _jobs_of(make, batch_id) -> list[int]:
    with make.transaction() as connection:
        query = text("SELECT id FROM jobs WHERE batch_id = :b ORDER BY line")
        return list(connection.execute(query, {"b": batch_id}).scalars())


def _prompt(make, batch_id, prompt: str, custom_id: str) -> None:
    with make.transaction() as connection:
        connection.execute(
            text(
                "UPDATE jobs SET custom_id = :c, request = jsonb_set(request, '{prompt}', to_jsonb(cast(:p AS text)))"
                " WHERE batch_id = :b"
            ),
            {"p": prompt, "c": custom_id, "b": batch_id},
        )


OWNED = ["/batches/{batch}", "/batches/{batch}/gallery", "/jobs/{job}"]
PATHS = ["/", *OWNED, "/images", "/catalogs", "/system"]


@pytest.fixture
def everything(make):
    """A batch with an image, two classes of failures and a bill."""
    batch_id = make.completed(PICTURE, FailureClass.MODERATION, FailureClass.UNKNOWN_OUTCOME)
    return {"batch": _bid(batch_id), "job": shown(JOB, _jobs_of(make, batch_id)[0])}


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_strict_about_what_runs_in_it(browser, everything, path):
    answer = browser.get(path.format(**everything))
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    for tag, attributes in _Found(answer.text).tags:
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "script":
            assert attributes["src"].startswith("/static/")
        for name in ("src", "href", "action"):
            address = attributes.get(name) or "/"
            assert address.startswith(("/", "#")) or address == "http://127.0.0.1:5555", address


@pytest.mark.parametrize("path", PATHS)
def test_every_page_has_its_landmarks_and_names_what_can_be_used(browser, everything, path):
    page = browser.get(path.format(**everything)).text
    found = _Found(page).tags
    names = [tag for tag, _ in found]
    assert names.count("main") == 1
    assert "nav" in names
    assert dict(found)["html"]["lang"] == "en"
    assert all("alt" in attributes for tag, attributes in found if tag == "img")
    assert re.search(r'aria-live="polite"', page)


def test_everything_static_is_there_and_kept_for_good(browser):
    page = browser.get("/").text
    assets = set(re.findall(r'"(/static/[^"]+)"', page))
    assert len(assets) == 3
    for asset in assets:
        answer = browser.get(asset)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert "http" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert browser.get("/static/x/../../app.py").status_code == 404
    assert browser.get("/static/x/nothing.js").status_code == 404


@pytest.mark.parametrize("text_of_somebody", HOSTILE, ids=lambda text: text[:12])
def test_hostile_prompts_are_text_and_no_longer_than_a_line(browser, make, text_of_somebody):
    batch_id = make.in_progress(name=text_of_somebody[:150])
    _prompt(make, batch_id, text_of_somebody, text_of_somebody[:400])
    job = shown(JOB, _jobs_of(make, batch_id)[0])
    for path in ("/", f"/batches/{_bid(batch_id)}", f"/batches/{_bid(batch_id)}/gallery"):
        page = browser.get(path).text
        assert not [
            tag
            for tag, attributes in _Found(page).tags
            if tag == "script" and "src" not in attributes
        ]
        assert not [tag for tag, attributes in _Found(page).tags if "onerror" in attributes]
        assert ">49<" not in page
        assert len(page) < 40_000
    detail = browser.get(f"/jobs/{job}").text
    assert 'dir="auto"' in detail
    assert not [tag for tag, attributes in _Found(detail).tags if "onerror" in attributes]


def test_hostile_lists_are_text_before_they_are_jobs(browser):
    prompts = "\n".join(HOSTILE)
    answer = browser.post(
        "/batches/check", data={"prompts": prompts, "name": HOSTILE[0]}, headers={"X-Fragment": "1"}
    )
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "onerror=alert(1)&gt;" in answer.text
    assert len(answer.text) < 8_000


@pytest.mark.parametrize("path", OWNED)
def test_another_projects_things_are_not_there(enter, everything, path):
    other = enter("another-project")
    assert other.get(path.format(**everything)).status_code == 404


def test_another_projects_images_are_in_no_pile_and_at_no_address(browser, enter, make):
    make.completed(PICTURE)
    page = browser.get("/images").text
    image = re.search(r"/images/(img_[0-9a-f]{32}-0)/thumbnail", page)[1]
    other = enter("another-project")
    assert IMAGE in image
    assert image not in other.get("/images").text
    for path in (f"/images/{image}", f"/images/{image}/thumbnail"):
        assert browser.get(path).status_code == 200
        assert other.get(path).status_code == 404


def test_another_projects_streams_and_lists_are_not_there(enter, everything):
    other = enter("another-project")
    for path in ("stream", "gallery/stream", "manifest.csv"):
        assert other.get(f"/batches/{everything['batch']}/{path}").status_code == 404
    for verb in ("pause", "resume", "cancel", "retry"):
        assert other.post(f"/batches/{everything['batch']}/{verb}").status_code == 404


def test_a_batch_says_what_failed_why_and_what_a_retry_may_cost(browser, everything):
    page = browser.get(f"/batches/{everything['batch']}").text
    assert "Refused by the safety system" in page
    assert "may have been billed" in page
    assert "Trying again may pay twice" in page
    assert page.count('name="only"') == 2


def test_a_class_is_retried_by_its_button_and_the_page_shows_both_as_one(browser, make):
    batch_id = make.completed(PICTURE, FailureClass.SERVER_ERROR, FailureClass.SERVER_ERROR)
    answer = browser.post(f"/batches/{_bid(batch_id)}/retry", data={"only": "server_error"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/batches/{_bid(batch_id)}")
    page = browser.get(f"/batches/{_bid(batch_id)}").text
    assert "with a retry" in page
    assert "Developing" in page
    assert page.count('<span class="state queued">') == 2


def test_money_at_risk_is_settled_by_what_the_invoice_shows(browser, reader, everything):
    url = f"/batches/{everything['batch']}"
    assert " at risk by the invoice" in browser.get(url).text
    assert " at risk by the invoice" not in reader.get(url).text
    assert reader.post(f"{url}/settle", data={"outcome": "unbilled"}).status_code == 403
    assert browser.post(f"{url}/settle", data={"outcome": "perhaps"}).status_code == 422
    assert browser.post(f"{url}/settle", data={"outcome": "unbilled"}).status_code == 303
    assert "At risk" not in browser.get(url).text


def test_money_at_risk_is_settled_also_where_every_image_came(browser, reader, make):
    batch_id = make.completed(PICTURE)
    with make.transaction() as connection:
        at_risk = update(batches).where(batches.c.id == batch_id).values(at_risk=1, unknown=2)
        connection.execute(at_risk)
    page = browser.get(f"/batches/{_bid(batch_id)}").text
    assert "2 calls without an answer" in page
    assert "Settle $1.00 at risk by the invoice" in page
    assert "Settle" not in reader.get(f"/batches/{_bid(batch_id)}").text


def test_a_batch_is_paused_resumed_under_a_budget_and_cancelled(browser, make):
    path = f"/batches/{_bid(make.in_progress())}"
    assert browser.post(f"{path}/pause").status_code == 303
    assert "Somebody paused it. Resume it to go on." in browser.get(path).text
    assert browser.post(f"{path}/resume", data={"budget": "nonsense"}).status_code == 422
    assert browser.post(f"{path}/resume", data={"budget": "$7.50"}).status_code == 303
    assert "of $7.50" in browser.get(path).text
    assert browser.post(f"{path}/cancel").status_code == 303
    assert "Cancelling" in browser.get(path).text
    assert browser.post(f"{path}/pause").status_code == 409


def test_an_original_is_what_was_received_and_runs_nothing(browser, make):
    make.completed(PICTURE)
    image = re.search(r"/images/(img_[0-9a-f]{32}-0)/", browser.get("/images").text)[1]
    shown_here = browser.get(f"/images/{image}")
    assert shown_here.content == PICTURE
    assert shown_here.headers["content-security-policy"] == "default-src 'none'; sandbox"
    kept = browser.get(f"/images/{image}", params={"download": "1", "name": "a/../b 猫"})
    assert "filename*=UTF-8''a%252F" in kept.headers["content-disposition"]
    again = browser.get(f"/images/{image}", headers={"If-None-Match": shown_here.headers["etag"]})
    assert again.status_code == 304


def test_a_thumbnail_is_made_once_and_a_picture_that_is_none_has_none(browser, make, desk):
    batch_id = make.completed(PICTURE, b"not a picture")
    page = browser.get(f"/batches/{_bid(batch_id)}/gallery").text
    good, bad = re.findall(r"/images/img_[0-9a-f]{32}-0/thumbnail", page)
    first = browser.get(good)
    assert first.headers["content-type"] == "image/webp"
    assert "immutable" in first.headers["cache-control"]
    assert browser.get(good).content == first.content
    assert list(desk.blobs.kept_names("thumbnails/"))
    assert browser.get(bad).status_code == 404


def test_filters_find_by_state_custom_id_prompt_and_size(browser, make):
    batch_id = make.in_progress(3)
    make.succeed(make.begin(batch_id))

    def found(**asked) -> list[str]:
        page = browser.get(f"/batches/{_bid(batch_id)}/gallery", params=asked).text
        return re.findall(r'class="sku">([^<]+)', page)

    assert found() == ["row-1", "row-2", "row-3"]
    assert found(state="succeeded") == ["row-1"]
    assert found(state="queued") == ["row-2", "row-3"]
    assert found(q="ROW-2") == ["row-2"]
    assert found(q="cat") == ["row-1", "row-2", "row-3"]
    assert found(q="%") == []
    assert found(size="1024x1024") == ["row-1", "row-2", "row-3"]
    assert found(size="1x1") == []
    assert found(state="", q="\x00") == ["row-1", "row-2", "row-3"]


def test_a_long_sheet_comes_in_chunks_that_miss_nothing(browser, make):
    batch_id = make.in_progress(250)
    path, seen = f"/batches/{_bid(batch_id)}/gallery", []
    while path:
        page = browser.get(path, headers={"X-Fragment": "1"}).text
        assert "<html" not in page
        seen += re.findall(r'class="sku">([^<]+)', page)
        following = re.search(r'href="([^"]+)" data-next', page)
        path = following[1].replace("&amp;", "&") if following else None
    assert seen == [f"row-{n}" for n in range(1, 251)]


def test_the_manifest_has_a_row_for_each_image_and_no_formula(browser, make):
    batch_id = make.completed(PICTURE, FailureClass.MODERATION)
    _prompt_of_first = "=HYPERLINK(1)"
    with make.transaction() as connection:
        connection.execute(
            text("UPDATE jobs SET custom_id = :c WHERE batch_id = :b AND state = 'succeeded'"),
            {"c": _prompt_of_first, "b": batch_id},
        )
    answer = browser.get(f"/batches/{_bid(batch_id)}/manifest.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["custom_id"] for row in rows] == ["'=HYPERLINK(1)"]
    assert rows[0]["cost_usd"].startswith("0.00593")


def test_what_is_asked_for_in_a_strange_way_is_answered_on_a_page(browser, everything):
    for path in ("/batches/x", "/jobs/job_x", "/images/x", "/?after=x", "/images?after=x"):
        answer = browser.get(path)
        assert answer.status_code in (404, 422)
        assert "Back to the batches" in answer.text
    odd = browser.get(
        f"/batches/{everything['batch']}", params={"state": "none", "after": "x" * 99}
    )
    assert odd.status_code == 422


def test_the_system_page_names_workers_and_paused_keys(browser, make):
    with make.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO workers (name, slots, providers) VALUES ('w-of-a-test', 7, '{default}')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO providers (name, paused_reason, paused_key, paused_at)"
                " VALUES ('default', 'quota is used up', 'k', now())"
                " ON CONFLICT (name) DO UPDATE SET paused_reason = excluded.paused_reason"
            )
        )
    page = browser.get("/system").text
    assert "w-of-a-test" in page
    assert "quota is used up" in page
    assert 'href="http://127.0.0.1:5555"' in page


def test_the_system_page_shows_what_may_be_sent_to_a_provider(browser, valkey_server):
    """Asked of the limiter that the workers ask."""
    with redis.Redis.from_url(valkey_server.url) as client:
        limits = Limits(30, PerMinute(images=6000))
        limiter = Limiter(client, "default", limits, lambda _: Memory())
        load = Load("gpt-image", images=1, tokens=9)
        assert isinstance(limiter.acquire("one", load, timedelta(seconds=1)), Admitted)
        refused = Heard(Sign.REFUSED, timedelta(seconds=40), None, {Dimension.IMAGES: 250})
        for other in ("two", "three", "four"):
            limiter.hear(other, "gpt-image", refused)
        page = " ".join(browser.get("/system").text.split())
        client.flushall()
    assert '<span class="num">1</span> of 30' in page
    assert "images 250" in page
    assert "29 more may go out" in page
    assert "rests" in page


def test_there_is_a_word_for_everything():
    assert all(words.failure(klass) for klass in FailureClass)
    assert set(words._STATUS) == set(BatchStatus)
    assert failure(FailureClass.KEY).klass in words._FAILURE
