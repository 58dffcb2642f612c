"""From rows to jobs: what names them, what is read, and what is refused rather than overlooked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.batchfile import Draft, Intake, Naming, survey
from darkroom.domain.problem import BadInput, Problem

URL = "/v1/images/generations"


def _rows(*cells, first=2):
    return list(enumerate(cells, first))


def _intake(models, rows, **options):
    return Intake(survey(rows), models, **options)


def _drafts(models, *cells, **options):
    rows = _rows(*cells)
    intake = _intake(models, rows, **options)
    assert intake.header_problems() == ()
    return [intake.draft(line, row) for line, row in rows]


def _ids(models, *cells):
    return [draft.custom_id for draft in _drafts(models, *cells)]


@pytest.mark.parametrize(
    ("columns", "naming", "column"),
    [
        (("custom_id", "sku", "id"), Naming.CUSTOM_ID, "custom_id"),
        (("id", "SKU"), Naming.SKU, "SKU"),
        (("sku", "Sku"), Naming.SKU, "sku"),
        (("Custom_ID",), Naming.CUSTOM_ID, "Custom_ID"),
        (("id",), Naming.ID, "id"),
        (("ID",), Naming.ID, "ID"),
        (("prompt",), Naming.LINE, None),
    ],
)
def test_what_names_the_rows(columns, naming, column):
    found = survey(_rows(*({name: f"{name}{n}" for name in columns} for n in range(3))))
    assert (found.naming, found.naming_column) == (naming, column)


@pytest.mark.parametrize("ids", [("7", "7"), ("7", ""), ("7", None), ("7", "  "), ("7", " 7 ")])
def test_an_id_names_the_rows_only_if_each_has_its_own(ids):
    assert survey(_rows(*({"id": value, "prompt": "x"} for value in ids))).naming is Naming.LINE


def test_nothing_is_surveyed_as_nothing():
    empty = survey([])
    assert (empty.rows, empty.columns, empty.naming) == (0, (), Naming.LINE)


def test_a_survey_tells_a_sheet_from_mixed_lines():
    sheet = survey(_rows({"a": 1, "b": 2}, {"b": 1, "a": 2}))
    assert (sheet.rows, sheet.last_line, sheet.columns, sheet.tabular) == (2, 3, ("a", "b"), True)
    mixed = survey(_rows({"a": 1}, {"b": 2}))
    assert (mixed.columns, mixed.tabular) == (("a", "b"), False)


@pytest.mark.parametrize(("column", "looked_at"), [("SKU", 1), ("custom_id", 1), ("id", 3), ("prompt", 3)])  # fmt: skip
def test_where_rows_are_alike_the_first_may_tell_what_names_them_all(column, looked_at):
    rows = _rows(*({column: str(n)} for n in range(3)))
    found, whole = survey(iter(rows), alike=True), survey(rows)
    assert (found.naming, found.naming_column) == (whole.naming, whole.naming_column)
    assert (found.columns, found.tabular, found.rows) == (whole.columns, True, looked_at)


def test_columns_without_end_are_refused_in_their_line():
    with pytest.raises(BadInput) as caught:
        survey(enumerate({f"column {n}": 1} for n in range(20_000)))
    [problem] = caught.value.problems
    assert (problem.code, problem.line) == ("too_many_columns", 16_384)


def test_line_numbers_are_padded_to_sort_as_text(models):
    assert _ids(models, {"prompt": "x"}, {"prompt": "y"}) == ["0002", "0003"]
    rows = [(9, {"prompt": "x"}), (123_456, {"prompt": "y"})]
    intake = _intake(models, rows)
    assert [intake.draft(*row).custom_id for row in rows] == ["000009", "123456"]


@pytest.mark.parametrize("value", ["../../x", "猫", "a" * 512, "con", "0042", 42, " spaced "])
def test_any_custom_id_is_taken(models, value):
    [custom_id] = _ids(models, {"custom_id": value, "prompt": "x"})
    assert custom_id == str(value).strip()


@pytest.mark.parametrize(
    ("value", "code"),
    [("", "custom_id_missing"), (None, "custom_id_missing"), ("a" * 513, "custom_id_too_long"),
     ("a\0", "custom_id_not_text"), ("\ud800", "custom_id_not_text")],
)  # fmt: skip
def test_a_custom_id_that_cannot_be_kept_is_refused(models, value, code):
    [[problem]] = _drafts(models, {"custom_id": value, "prompt": "x"})
    assert (problem.code, problem.line) == (code, 2)


def test_a_custom_id_that_stands_twice_names_both_lines(models):
    _, [problem], other = _drafts(
        models,
        {"sku": "A-1", "prompt": "x"},
        {"sku": " A-1 ", "prompt": "y"},
        {"sku": "a-1", "prompt": "z"},
    )
    assert isinstance(other, Draft)
    assert (problem.code, problem.line, problem.column) == ("custom_id_duplicate", 3, "sku")
    assert "line 2" in problem.message


@pytest.mark.parametrize(
    ("column", "meant"),
    [("qualty", "quality"), ("Qualty", "quality"), ("sizes", "size"), ("promt", "prompt"), ("modell", "model"),
     ("output-formt", "output_format"), ("piority", "priority"), ("custom_d", "custom_id"), ("formt", "format")],
)  # fmt: skip
def test_a_column_that_is_nearly_a_parameter_is_not_overlooked(models, column, meant):
    [problem] = _intake(models, _rows({"prompt": "x", column: "z"})).header_problems()
    assert (problem.code, problem.line, problem.column) == ("column_unknown", 1, column)
    assert f"did you mean `{meant}`" in problem.message
    assert f"x_{column}" in problem.message


def test_a_misspelt_key_hides_nothing_of_its_row_and_stands_in_its_line(models):
    good, [size, key], null = _drafts(
        models,
        {"prompt": "x"},
        {"prompt": "y", "size": "1x1", "qualty": "low"},
        {"prompt": "z", "qualty": None},
    )
    assert isinstance(good, Draft)
    assert isinstance(null, Draft)
    assert (size.column, size.line) == ("size", 3)
    assert (key.code, key.column, key.line, key.value) == ("column_unknown", "qualty", 3, "low")


def test_a_misspelt_prompt_is_named_once_and_read_all_the_same(models):
    rows = _rows({"promt": "x", "size": "1x1"})
    intake = _intake(models, rows)
    [header] = intake.header_problems()
    assert (header.column, intake.has_prompts) == ("promt", True)
    [size] = intake.draft(*rows[0])
    assert size.column == "size"


@pytest.mark.parametrize(
    "column", ["Size", "SIZE", "Output Format", "output-format", " quality", "N", "Priority"]
)
def test_a_parameter_in_other_letters_is_not_overlooked(models, column):
    """It would be the default that is drawn, and paid for, without a word."""
    [problem] = _intake(models, _rows({"prompt": "x", column: "1"})).header_problems()
    assert (problem.code, problem.column) == ("column_unknown", column)


@pytest.mark.parametrize(
    "column", ["x_qualty", "colour", "Product Name", "url", "title", "sku", "SKU"]
)
def test_other_columns_are_data(models, column):
    assert _intake(models, _rows({"prompt": "x", column: "z"})).header_problems() == ()


def test_without_a_prompt_the_columns_are_named(models):
    [problem] = _intake(models, _rows({"name": "x", "colour": "red"})).header_problems()
    assert (problem.code, problem.line) == ("prompt_column_missing", 1)
    assert "name, colour" in problem.message
    assert "{{ name }}" in problem.message
    assert _intake(models, _rows({"Prompt": "x"})).header_problems() == ()


def test_a_template_makes_the_prompt(models):
    def render(row):
        return (
            f"a {row['colour']} cat"
            if row["colour"]
            else Problem("cell_empty", "fill it", column="colour")
        )

    good, bad = _drafts(models, {"colour": "red"}, {"colour": ""}, render=render)
    assert good.priced.request.prompt == "a red cat"
    assert {(p.code, p.line) for p in bad} >= {("cell_empty", 3)}


@pytest.mark.parametrize("blank", ["", " ", "\t", None])
def test_a_blank_cell_leaves_the_default(models, blank):
    defaults = {"quality": "low", "n": 2, "priority": 7}
    row = {"prompt": "x", "quality": blank, "n": blank, "priority": blank}
    [draft] = _drafts(models, row, defaults=defaults)
    request = draft.priced.request
    assert (request.quality, request.n, draft.priority) == ("low", 2, 7)


def test_a_column_wins_over_the_default_and_an_alias_is_its_parameter(models):
    row = {"prompt": "x", "format": "jpeg", "compression": "80", "user": "u1", "size": "1536x1024"}
    [draft] = _drafts(models, row, defaults={"size": "1024x1024", "output_format": "png"})
    request = draft.priced.request
    assert (request.output_format, request.output_compression) == ("jpeg", 80)
    assert (request.safety_identifier, request.size) == ("u1", "1536x1024")


@pytest.mark.parametrize(
    ("value", "priority"), [("5", 5), (-1000, -1000), ("1000", 1000), (" 7 ", 7), ("-0", 0)]
)
def test_a_priority_is_read(models, value, priority):
    assert _drafts(models, {"prompt": "x", "priority": value})[0].priority == priority


@pytest.mark.parametrize(
    "value", ["1001", "-1001", "high", "1.5", "--1", "٣", "0000000009999999", "9" * 5000, True]
)
def test_a_priority_that_is_none_is_refused(models, value):
    [[problem]] = _drafts(models, {"prompt": "x", "priority": value})
    assert (problem.column, problem.line) == ("priority", 2)


@pytest.mark.parametrize(
    "name",
    [
        "seed",
        "style",
        "input_fidelity",
        "response_format",
        "stream",
        "thinking",
        "partial_images",
        "frame_count",
        "svg",
        "markup",
    ],
)
def test_what_a_guide_names_and_the_api_refuses_is_explained(models, name):
    [[problem]] = _drafts(models, {"prompt": "x", name: "1"})
    assert (problem.code, problem.column) == ("parameter_refused", name)
    assert isinstance(_drafts(models, {"prompt": "x", name: ""})[0], Draft)


def test_what_asks_for_nothing_is_left_out(models):
    [draft] = _drafts(models, _line(stream=False, partial_images=0))
    assert not {"stream", "partial_images"} & draft.priced.request.body().keys()
    [[problem]] = _drafts(models, _line(stream=True, partial_images=0))
    assert problem.column == "stream"


def _line(**body):
    return {"custom_id": "a", "method": "POST", "url": URL, "body": {"prompt": "x", **body}}


def test_an_openai_batch_line_is_a_job(models):
    [draft] = _drafts(models, _line(model="gpt-image-2", size="1024x1024", n=2))
    assert (draft.custom_id, draft.priced.request.n) == ("a", 2)


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ({**_line(), "method": "GET"}, "method_not_allowed", "method"),
        ({**_line(), "url": "/v1/chat/completions"}, "url_not_allowed", "url"),
        (_line(seed=1), "parameter_refused", "seed"),
        (_line(frobnicate=1), "parameter_unknown", "frobnicate"),
        (_line(prompt=""), "prompt_missing", "prompt"),
        ({**_line(), "body": {"size": "1024x1024"}}, "prompt_missing", "prompt"),
    ],
)
def test_what_only_a_batch_line_can_get_wrong(models, line, code, column):
    rows = _rows(line, {**_line(n=1), "custom_id": "b"})
    [problem] = _intake(models, rows).draft(*rows[0])
    assert (problem.code, problem.column, problem.line) == (code, column, 2)


def test_everything_wrong_with_a_row_is_named_in_its_line(models):
    rows = _rows({"custom_id": "", "prompt": "", "size": "1x1", "n": "0", "priority": "x"})
    problems = _intake(models, rows).draft(*rows[0])
    assert {p.column for p in problems} == {"custom_id", "prompt", "size", "n", "priority"}
    assert {p.line for p in problems} == {2}


CELLS = st.none() | st.text(st.characters(), max_size=8) | st.integers(-5, 2000) | st.booleans()
COLUMNS = st.sampled_from(
    ["prompt", "id", "sku", "size", "n", "quality", "priority", "format", "seed", "x"]
)


@given(rows=st.lists(st.dictionaries(COLUMNS, CELLS), max_size=6))
def test_every_row_becomes_one_job_or_is_explained(models, rows):
    numbered = _rows(*rows)
    intake = _intake(models, numbered)
    found = [intake.draft(line, row) for line, row in numbered]
    taken = [draft.custom_id for draft in found if isinstance(draft, Draft)]
    assert len(taken) == len(set(taken))
    for (line, _), draft in zip(numbered, found, strict=True):
        assert isinstance(draft, Draft) or (draft and all(p.line == line for p in draft))


@given(rows=st.lists(st.dictionaries(COLUMNS, CELLS), max_size=6))
def test_a_second_look_sees_the_same(models, rows):
    numbered = _rows(*rows)
    one, two = (_intake(models, numbered) for _ in range(2))
    assert [one.draft(*row) for row in numbered] == [two.draft(*row) for row in numbered]
