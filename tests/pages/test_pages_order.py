"""A new batch in the page: what is wrong, what it will look like and what it costs, before the button."""

import re

from darkroom.domain.ids import BATCH, uuid_of

FRAGMENT = {"X-Fragment": "1"}
SMALL = {"quality": "low", "size": "1024x1024"}


def _check(browser, files=None, **fields):
    answer = browser.post("/batches/check", data={**SMALL, **fields}, files=files, headers=FRAGMENT)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_price_and_the_first_prompts_come_before_the_button(browser):
    page = _check(browser, prompts="a cat\na dog\n\na hen")
    about, most = map(float, re.findall(r"(?:about|at most) \$([\d.]+)", page)[:2])
    assert 3 * 0.00588 < about < most < 0.02
    assert "3 images from 3 rows" in page
    assert re.findall(r'dir="auto">([^<]+)', page) == ["a cat", "a dog", "a hen"]
    assert "Make 3 images" in page


def test_without_a_list_there_is_nothing_to_press(browser):
    page = _check(browser)
    assert "The price comes first" in page
    assert "data-submit" not in page


def test_each_problem_is_named_by_line_column_and_fix(browser):
    table = "prompt,size\na cat,1024x1024\na dog,7x7\n"
    page = _check(browser, files={"file": ("list.csv", table.encode())})
    assert "line 3, size" in page
    assert "<code>7x7</code>" in page
    assert "1 row cannot be used" in page
    assert "data-submit" not in page
    file_id = re.search(r'name="file_id" value="([^"]+)"', page)[1]
    page = _check(browser, file_id=file_id, skip_bad_rows="1")
    assert "Make 1 image" in page


def test_a_template_is_shown_filled_in_and_its_errors_named(browser):
    table = {"file": ("list.csv", b"title,colour\nmug,red\n")}
    assert "a red mug" in _check(browser, files=table, template="a {{ colour }} {{ title }}")
    broken = _check(browser, files=table, template="a {{ colr }}")
    assert "did you mean" in broken
    assert "data-submit" not in broken
    assert "not valid" in _check(browser, files=table, template="{{")


def test_a_budget_that_is_no_amount_is_said_before_anything_is_made(browser):
    page = _check(browser, prompts="a cat", budget="twelve")
    assert "US dollars such as 12.50" in page
    assert "data-submit" not in page


def test_what_was_checked_is_made_once_however_often_it_is_pressed(browser, make):
    page = _check(browser, files={"file": ("cats.txt", b"a cat\n")})
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page))
    order = {**SMALL, **hidden, "budget": "3"}
    first, second = (browser.post("/batches", data=order) for _ in range(2))
    assert first.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    batch = first.headers["location"].rpartition("/")[2]
    assert uuid_of(BATCH, batch)
    listed = browser.get("/").text
    assert "cats.txt" in listed
    assert "of $3.00" in listed


def test_pasted_rows_are_made(browser):
    answer = browser.post("/batches", data={"prompts": "a cat\na dog", "name": "Two", **SMALL})
    assert answer.status_code == 303
    page = browser.get(answer.headers["location"]).text
    assert "Two" in page
    assert "Reading the list" in page


def test_an_empty_order_and_another_projects_file_are_refused(browser, enter):
    assert browser.post("/batches", data=SMALL).status_code == 422
    page = _check(browser, files={"file": ("cats.txt", b"a cat\n")})
    file_id = re.search(r'name="file_id" value="([^"]+)"', page)[1]
    other = enter("another-project")
    assert other.post("/batches", data={"file_id": file_id}).status_code == 404
    assert other.post("/batches/check", data={"file_id": file_id}).status_code == 404


def test_without_a_script_the_whole_page_comes_back_with_the_verdict(browser):
    answer = browser.post("/batches/check", data={"prompts": "a cat", **SMALL})
    assert "<!doctype html>" in answer.text
    assert "Make 1 image" in answer.text
    assert ">a cat</textarea>" in answer.text


def test_a_form_that_is_too_long_is_refused(browser):
    answer = browser.post("/batches/check", data={"prompts": "x" * 5_000_000})
    assert answer.status_code in (400, 413)
