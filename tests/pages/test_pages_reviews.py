"""Drafts on the pages: judged one by one or all at once, priced, and made into finals by whoever may."""

import re

import pytest
from sqlalchemy import text

from darkroom.domain.ids import BATCH, JOB, shown

PICTURE = b"a picture whose bytes nobody looks at"


@pytest.fixture
def drafts(make):
    """A batch of two drafts: its path, and those of its jobs."""
    batch_id = make.completed(PICTURE, PICTURE + b"!")
    with make.transaction() as connection:
        query = text("SELECT id FROM jobs WHERE batch_id = :b ORDER BY line")
        ids = connection.execute(query, {"b": batch_id}).scalars().all()
    return f"/batches/{shown(BATCH, batch_id)}", [f"/jobs/{shown(JOB, one)}" for one in ids]


def test_a_draft_is_approved_and_says_so(browser, drafts):
    batch, (first, _) = drafts
    assert "Not judged yet" in browser.get(first).text
    assert browser.post(f"{first}/review", data={"verdict": "approved"}).status_code == 303
    assert "Approved." in browser.get(first).text
    assert "1 approved, 0 rejected, 1 not judged" in browser.get(batch).text


def test_a_key_stroke_is_answered_with_what_the_finals_cost(browser, drafts):
    _, (upper, lower) = drafts
    keys = {"headers": {"X-Fragment": "1"}, "data": {"verdict": "approved"}}
    one = browser.post(f"{upper}/review", **keys)
    two = browser.post(f"{lower}/review", **keys)
    assert one.status_code == two.status_code == 200
    assert "<html" not in two.text
    first, both = (re.sub(r"<[^>]+>", "", answer.text) for answer in (one, two))
    assert "2 approved, 0 rejected; their finals at high: $" in both
    assert first.split("high: $")[1][:6] != both.split("high: $")[1][:6]


def test_the_rest_is_judged_at_once_and_what_was_judged_stays(browser, drafts):
    batch, (first, second) = drafts
    browser.post(f"{first}/review", data={"verdict": "rejected"})
    assert browser.post(f"{batch}/review", data={"verdict": "approved"}).status_code == 303
    assert "1 approved, 1 rejected, 0 not judged" in browser.get(batch).text
    assert "Rejected." in browser.get(first).text
    assert "Approved." in browser.get(second).text


def test_finals_are_priced_before_they_are_made(browser, drafts):
    batch, _ = drafts
    browser.post(f"{batch}/review", data={"verdict": "approved"})
    priced = browser.get(f"{batch}/promote", params={"quality": "medium"}).text
    assert "Make 2 finals" in priced
    made = browser.post(f"{batch}/promote", data={"quality": "medium", "budget": "5"})
    assert made.status_code == 303
    assert "of $5.00" in browser.get(made.headers["location"]).text


def test_a_quality_that_does_not_exist_is_refused_in_words(browser, drafts):
    batch, _ = drafts
    browser.post(f"{batch}/review", data={"verdict": "approved"})
    assert browser.post(f"{batch}/promote", data={"quality": "superb"}).status_code == 422


def test_whoever_may_only_look_judges_nothing(reader, enter, drafts):
    batch, (first, _) = drafts
    assert "Approve" not in reader.get(first).text
    assert reader.post(f"{first}/review", data={"verdict": "approved"}).status_code == 403
    assert reader.post(f"{batch}/promote", data={"quality": "high"}).status_code == 403
    other = enter("somebody-else")
    assert other.post(f"{first}/review", data={"verdict": "approved"}).status_code == 404
    assert other.get(f"{batch}/promote").status_code == 404


def test_the_gallery_shows_what_was_rejected_or_not_judged_yet(browser, drafts):
    batch, (first, second) = drafts
    browser.post(f"{first}/review", data={"verdict": "rejected"})

    def shown_for(review: str) -> str:
        page = browser.get(f"{batch}/gallery", params={"review": review}).text
        assert f'<option value="{review}" selected>' in page
        return page

    assert first in shown_for("rejected")
    assert second not in shown_for("rejected")
    assert second in shown_for("undecided")
    assert first not in shown_for("undecided")
    assert "No frames here" in shown_for("approved")
    assert 'data-judged="rejected"' in browser.get(f"{batch}/gallery").text
