"""settle: all at once, or by a table whose mistakes are named by line and column before anything is sent."""

import json

import pytest
from canned import BATCH_ID, batch

SETTLE = f"/api/v1/batches/{BATCH_ID}/settle"
LOST = {"unknown": 2, "counts": {"failed": 2}, "cost": {"at_risk": "0.02"}}


def answer(settled=2, before=0, spent="0.015", freed="0.005", **changes):
    told = {"settled": settled, "before": before, "spent": spent, "freed": freed}
    return {**told, "batch": batch(counts={"failed": 2}, **changes)}


@pytest.fixture
def invoice(tmp_path):
    def write(text):
        path = tmp_path / "invoice.csv"
        path.write_text(text)
        return str(path)

    return write


def test_all_at_once(api, darkroom):
    api.knows(batch(**LOST))
    api.on("POST", SETTLE, answer())
    outcome = darkroom("settle", BATCH_ID, "--unknown", "billed")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out == "2 calls settled: $0.0150 spent, $0.0050 free again\n"
    assert [json.loads(body) for body in api.bodies("POST", SETTLE)] == [{"outcome": "billed"}]


def test_a_second_time_says_so(api, darkroom):
    api.knows(batch(counts={"failed": 2}))
    api.on("POST", SETTLE, answer(0, 2, "0", "0"))
    outcome = darkroom("settle", BATCH_ID, "--unknown", "billed")
    assert outcome.status == 0
    assert "nothing to settle: 2 calls had been settled before" in outcome.out


def test_a_table_is_sent_line_by_line(api, darkroom, invoice):
    api.knows(batch(**LOST))
    api.on("POST", SETTLE, answer())
    file = invoice(
        "date,custom_id,request_id,outcome,cost\n1,a,,Billed,$0.015\n2,,req_2,unbilled,\n"
    )
    assert darkroom("settle", BATCH_ID, "--from", file).status == 0
    [body] = api.bodies("POST", SETTLE)
    assert json.loads(body)["lines"] == [
        {"custom_id": "a", "outcome": "billed", "cost": "0.015"},
        {"request_id": "req_2", "outcome": "unbilled"},
    ]


BAD = {
    "a,maybe,": "invoice.csv:2: column outcome, value 'maybe': write billed or unbilled",
    ",billed,": "invoice.csv:2: column custom_id, value '': name the call here or in request_id",
    "a,billed,lots": "invoice.csv:2: column cost, value 'lots': write US dollars such as 0.0412",
    "a,billed,0": "invoice.csv:2: column cost, value '0': write US dollars such as 0.0412",
    "a,unbilled,1": "invoice.csv:2: column cost, value '1': what was not billed has no cost",
}


@pytest.mark.parametrize("row", BAD)
def test_a_bad_line_is_named_and_nothing_is_sent(api, darkroom, invoice, row):
    api.knows(batch(**LOST))
    file = invoice(f"custom_id,outcome,cost\n{row}\nb,billed,\n")
    outcome = darkroom("settle", BATCH_ID, "--from", file)
    assert (outcome.status, outcome.out) == (2, "")
    assert BAD[row] in outcome.err
    assert "1 mistake is in invoice.csv; nothing was changed" in outcome.last_words
    assert api.asked == []


def test_a_table_without_its_column_or_without_a_line_is_refused(darkroom, invoice):
    outcome = darkroom("settle", BATCH_ID, "--from", invoice("custom_id\na\n"))
    assert "column outcome: add it: billed or unbilled for each call" in outcome.err
    empty = darkroom("settle", BATCH_ID, "--from", invoice("custom_id,outcome\n"))
    assert (outcome.status, empty.status) == (2, 2)


def test_what_the_api_finds_wrong_is_named_where_it_stands_in_the_file(api, darkroom, invoice):
    api.knows(batch(**LOST))
    fault = {"row": 2, "column": "custom_id", "code": "call_not_found"}
    fault |= {"detail": "custom_id: leave it out"}
    problem = {"title": "Unprocessable", "status": 422, "detail": "wrong", "errors": [fault]}
    api.on("POST", SETTLE, problem, status=422)
    file = invoice("custom_id,outcome\na,billed\n\nc,billed\n")
    outcome = darkroom("settle", BATCH_ID, "--from", file)
    assert outcome.status == 2
    assert "invoice.csv:4: column custom_id, value 'c': leave it out" in outcome.err


@pytest.mark.parametrize(
    "words",
    [[], ["--unknown", "billed", "--list"], ["--unknown", "perhaps"], ["--from", "none.csv"]],
)
def test_one_thing_is_said_at_a_time(api, darkroom, words):
    api.knows(batch(**LOST))
    outcome = darkroom("settle", BATCH_ID, *words)
    assert (outcome.status, outcome.out) == (2, "")


def test_who_said_what_is_listed(api, darkroom):
    api.knows(batch())
    said = {
        "id": "stl_1",
        "created_at": "2026-11-23T08:00:00Z",
        "key_name": "accounts",
        "custom_id": "sku-1",
        "outcome": "billed",
        "cost": "0.015",
        "state": "succeeded",
    }
    pages = [{"data": [said], "has_more": bool(after), "next": after} for after in ("stl_7", None)]
    api.on("GET", f"/api/v1/batches/{BATCH_ID}/settlements", *pages)
    outcome = darkroom("settle", BATCH_ID, "--list")
    assert outcome.status == 0
    assert outcome.out.count("accounts") == 2
    assert "found out since: succeeded" in " ".join(outcome.out.split())
    assert json.loads(darkroom("settle", BATCH_ID, "--list", "--json").out) == [said]
