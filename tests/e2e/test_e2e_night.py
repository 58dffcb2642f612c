"""A whole stack on a home of its own, as a person starts it, and a night in which everything is killed once."""

import csv
import json
import os
import signal
from collections import Counter
from pathlib import Path

import httpx2
import pytest
from person import Person
from world import ROOT, Process

EXAMPLES = ROOT / "examples" / "prompts.csv"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.timeout(240)
def test_the_example_list_comes_out_and_the_same_command_again_pays_nothing(person: Person) -> None:
    out = person.folder / "out"
    command = ("run", str(EXAMPLES), "--out", str(out))
    status, lines = person.ends(*command)
    assert status == 0, lines
    assert any("the sandbox drew these images" in line for line in lines)
    manifest = rows(out / "manifest.csv")
    assert len(manifest) == 24
    assert all((out / row["file"]).stat().st_size == int(row["bytes"]) for row in manifest)
    assert {"sku%2F1042.png", "100%25.png", "ramen-夜.webp"} <= {row["file"] for row in manifest}
    assert sum(call["images_billed"] for call in person.ledger()) == 24
    (out / manifest[0]["file"]).unlink()
    status, lines = person.ends(*command)
    assert status == 0, lines
    assert any("nothing to pay" in line for line in lines)
    assert (out / manifest[0]["file"]).exists()
    assert sum(call["images_billed"] for call in person.ledger()) == 24
    assert person.left_behind() == []


@pytest.mark.timeout(240)
def test_whatever_is_killed_in_the_night_the_batch_ends_and_the_ledgers_agree(
    person: Person, stack: Process
) -> None:
    prompts = person.folder / "prompts.txt"
    prompts.write_text("".join(f"Print number {number}\n" for number in range(90)))
    sandbox = str(person.state()["sandbox_url"])
    httpx2.post(f"{sandbox}/_sandbox/config", json={"latency": 1.0}).raise_for_status()
    status, lines = person.ends("submit", str(prompts), "--quality", "low", "--size", "1024x1024")
    assert status == 0, lines
    batch_id = lines[-1].strip()
    for victim in ("valkey", "postgres", "api", "worker-1"):
        billed = httpx2.get(f"{sandbox}/_sandbox/totals").json()["images_billed"]
        wait = {"billed": billed + 6, "timeout": 50}
        assert httpx2.get(f"{sandbox}/_sandbox/wait", params=wait, timeout=60).status_code == 200
        person.kill(victim)
        stack.saw(f"{victim} ")
    _answers(str(person.state()["api_url"]))
    status, lines = person.ends("watch", batch_id)
    assert status in (0, 1), lines
    view = json.loads("".join(person.ends("status", batch_id, "--json")[1]))
    assert view["counts"]["succeeded"] + view["counts"]["failed"] == 90
    assert view["counts"]["failed"] == view["unknown"]
    billed = Counter(call["prompt"] for call in person.ledger() if call["images_billed"])
    assert max(billed.values()) == 1
    assert view["counts"]["succeeded"] <= len(billed) <= 90
    assert float(view["cost"]["reserved"]) == 0


def _answers(api: str) -> None:
    """The killed API is there again: a connection that is refused is tried anew, later each time."""
    with httpx2.Client(transport=httpx2.HTTPTransport(retries=7)) as client:
        assert client.get(f"{api}/livez").status_code == 200


@pytest.mark.timeout(240)
def test_an_interrupted_run_is_held_and_the_same_command_goes_on(person: Person) -> None:
    prompts = person.folder / "prompts.txt"
    prompts.write_text("".join(f"[[latency:1.5]] Print {number}\n" for number in range(80)))
    out = person.folder / "out"
    command = ("run", str(prompts), "--out", str(out), "--quality", "low", "--size", "1024x1024")
    first = person.types(*command)
    first.saw("starting a local stack")
    ledger = person.home / "log" / "sandbox-ledger.jsonl"
    _await_line(ledger, '"images_billed":1')
    first.send(signal.SIGINT)
    assert first.wait(110) == 3
    assert "to go on: " in first.lines[-1]
    assert " -m darkroom.cli run " in first.lines[-1]
    begun = len(person.ledger())
    assert begun < 80
    assert all(call["images_billed"] for call in person.ledger())
    status, lines = person.ends(*command)
    assert status == 0, lines
    assert len(rows(out / "manifest.csv")) == 80
    assert len(person.ledger()) == 80


def _await_line(path: Path, text: str) -> None:
    """Follows a file until the text is written: the kernel says when there is more."""
    reader = Process(
        ("tail", "-n", "+1", "-F", str(path)), os.environ, path.parents[2] / "tail.log"
    )
    try:
        reader.saw(text)
    finally:
        reader.close()
