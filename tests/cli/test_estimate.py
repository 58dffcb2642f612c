"""What a file would cost, told without a stack."""

import json
from decimal import Decimal

ROWS = "prompt,size,quality\na cat,1024x1024,low\na dog,1536x1024,low\n"


def test_price_rows_and_space_are_told(darkroom, write, here):
    outcome = darkroom("estimate", write("p.csv", ROWS), "--format", "jpeg")
    assert outcome.status == 0
    told = dict(line.split(maxsplit=1) for line in outcome.out.splitlines())
    assert told["rows"] == "2"
    assert told["images"] == "2"
    assert told["price"].startswith("about $0.01")
    assert told["space"] == "about 1.8 MB"
    assert [path.name for path in here.iterdir()] == ["p.csv"]


def test_the_document_adds_up(darkroom, write):
    document = json.loads(darkroom("estimate", write("p.csv", ROWS), "--n", "3", "--json").out)
    assert (document["rows"], document["bad_rows"], document["images"]) == (2, 0, 6)
    # Output tokens by the published formula: 196 and 158 an image, 30 dollars a million; prompts 2 tokens.
    assert Decimal(document["expected"]) == Decimal(3 * (196 + 158) * 30 + 4 * 5) / 1_000_000
    assert Decimal(document["expected"]) < Decimal(document["bound"])
    assert document["problems"] == []


def test_problems_come_with_line_and_column(darkroom, write):
    content = '{"prompt": "cat"}\n{"prompt": "dog", "quality": "best"}\n'
    outcome = darkroom("estimate", write("p.jsonl", content), "--json")
    assert outcome.status == 2
    document = json.loads(outcome.out)
    assert (document["rows"], document["bad_rows"]) == (2, 1)
    [problem] = document["problems"]
    assert (problem["line"], problem["column"], problem["value"]) == (2, "quality", "best")


def test_time_follows_from_the_limits(darkroom, write, monkeypatch):
    monkeypatch.setenv("DARKROOM_IMAGES_PER_MINUTE", "4")
    monkeypatch.setenv("DARKROOM_REQUESTS_PER_MINUTE", "30")
    asked = ("--n", "4", "--quality", "low", "--json")
    document = json.loads(darkroom("estimate", write("p.csv", ROWS), *asked).out)
    assert document["seconds"] == 120


def test_time_follows_from_latency_and_the_calls_in_flight_where_the_limits_allow_more(
    darkroom, write, monkeypatch
):
    """gpt-image-2 takes 195 s for high, 80 s for medium and 15 s for low."""
    monkeypatch.setenv("DARKROOM_IMAGES_PER_MINUTE", "600")
    monkeypatch.setenv("DARKROOM_MAX_IN_FLIGHT", "2")
    rows = "prompt,quality\n" + "cat,high\n" * 4 + "cat,medium\n" * 2 + "dog,low\n"
    document = json.loads(darkroom("estimate", write("p.csv", rows), "--json").out)
    assert document["seconds"] == (4 * 195 + 2 * 80 + 15) / 2


def test_what_could_never_be_sent_is_named_before_it_is_submitted(darkroom, write, monkeypatch):
    monkeypatch.setenv("DARKROOM_IMAGES_PER_MINUTE", "5")
    outcome = darkroom("estimate", write("p.csv", "prompt,n\ncat,5\ndog,6\n"), "--json")
    assert outcome.status == 2
    [problem] = json.loads(outcome.out)["problems"]
    assert (problem["code"], problem["line"], problem["column"]) == ("limit_too_low", 3, "n")
    assert "ask for 5 at most" in problem["message"]


def test_stdin_is_read_by_its_content_and_pipes_have_no_colours(spawned):
    outcome = spawned("estimate", "-", stdin=b"a cat\na dog\n")
    assert outcome.status == 0
    assert outcome.out.splitlines()[0].split() == ["rows", "2"]
    assert "\x1b" not in outcome.out + outcome.err


def test_a_template_makes_the_prompts(darkroom, write):
    content = "sku,title,colour\n1,mug,red\n2,shoe,blue\n"
    outcome = darkroom(
        "estimate", write("c.csv", content), "--template", "a {{ colour }} {{ title }}"
    )
    assert outcome.status == 0


def test_who_names_a_model_that_ends_is_told_its_day_and_what_replaces_it(
    darkroom, write, monkeypatch
):
    ends = {"gpt-image-2": {"shutdown": "2999-12-01", "replacement": "gpt-image-2.6-flare"}}
    monkeypatch.setenv("DARKROOM_MODELS", json.dumps(ends))
    file = write("p.csv", "prompt,model\na,gpt-image-2\nb,gpt-image-2.5-flare\nc,\n")
    words = "gpt-image-2 will be shut down on 2999-12-01; use gpt-image-2.6-flare"
    outcome = darkroom("estimate", file)
    assert outcome.status == 0
    assert f"warning: p.csv: {words} (2 rows: lines 2, 4)" in outcome.err
    assert json.loads(darkroom("estimate", file, "--json").out)["notices"] == [words]
    assert words in darkroom("submit", file).err


def test_a_list_is_checked_by_the_facts_of_who_draws_for_the_project_of_the_key(
    api, darkroom, write
):
    """An API elsewhere says who that is; another provider of the same file knows other parameters."""
    write(
        "darkroom.toml",
        '[providers.plain]\nbase_url = "https://plain.example/v1"\nkey_env = "A"\n[providers.relay]\nprofile = "new-api"\n'
        'base_url = "https://relay.example/v1"\nkey_env = "B"\n',
    )
    relay = {"name": "relay", "state": "ready", "paused_reason": None}
    api.on("GET", "/api/v1/providers", {"data": [relay]})
    asked = json.dumps({"prompt": "a cat", "thinking": "high", "quality": "low"})
    outcome = darkroom("estimate", write("p.jsonl", asked + "\n"))
    assert outcome.status == 0, outcome.err


def test_without_a_key_the_time_is_told_by_the_usual_limits_whatever_else_is_set_up(
    darkroom, write, monkeypatch
):
    """The sandbox draws then, under the top-level limits: there is a provider of this name."""
    relay = '[providers.relay]\nbase_url = "https://relay.example/v1"\nkey_env = "RELAY_KEY"\n'
    write("darkroom.toml", "images_per_minute = 4\n" + relay)
    told = darkroom("estimate", write("p.csv", ROWS), "--n", "4", "--quality", "low").out
    assert "time    about 2 min" in told
    warned = darkroom("doctor").out
    assert "or have relay draw: --provider" in warned
