"""A whole stack on a home of its own, as a person starts it, and a night in which everything is killed once."""

import csv
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import httpx2
import psutil
import pytest
from world import ROOT, Process

EXAMPLES = ROOT / "examples" / "prompts.csv"
ANY_PORT = {"DARKROOM_API_PORT": "0", "DARKROOM_FLOWER_PORT": "0"}


class Person:
    """Somebody at a terminal, with a home and a working directory of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self._processes: list[Process] = []

    def types(self, *words: str, **environment: str) -> Process:
        argv = (sys.executable, "-m", "darkroom.cli", *words)
        env = {
            **ANY_PORT,
            "DARKROOM_HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        process = Process(argv, env, self.folder / "terminal.log")
        self._processes.append(process)
        return process

    def ends(self, *words: str, **environment: str) -> tuple[int, list[str]]:
        """The exit status and the output of a command."""
        process = self.types(*words, **environment)
        return process.wait(110), process.lines

    def ledger(self) -> list[Mapping[str, object]]:
        """The sandbox's last word about each call."""
        lines = (self.home / "log" / "sandbox-ledger.jsonl").read_text().splitlines()
        return list({call["seq"]: call for call in map(json.loads, lines)}.values())

    def state(self) -> Mapping[str, object]:
        return json.loads((self.home / "run" / "state.json").read_text())

    def kill(self, name: str) -> None:
        """kill -9 of one process of the stack."""
        pids = [child["pid"] for child in self.state()["children"] if child["name"] == name]
        process = psutil.Process(pids[0])
        process.kill()
        psutil.wait_procs([process], timeout=10)

    def left_behind(self) -> list[str]:
        """Processes that still work in the home."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if str(self.home) in " ".join([process.cwd(), *process.cmdline()]):
                    found.append(f"{process.pid} {process.name()}")
        return found

    def leave(self) -> None:
        for process in self._processes:
            if psutil.pid_exists(process.pid):
                process.send(signal.SIGINT)
                process.wait(110)
            process.close()


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    somebody = Person(tmp_path)
    yield somebody
    somebody.leave()


@pytest.fixture
def stack(person: Person) -> Process:
    up = person.types("up", DARKROOM_ON_UNKNOWN="fail")
    up.saw("ready; Ctrl-C stops it")
    return up


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
    status, lines = person.ends("watch", batch_id)
    assert status in (0, 1), lines
    view = json.loads("".join(person.ends("status", batch_id, "--json")[1]))
    assert view["counts"]["succeeded"] + view["counts"]["failed"] == 90
    assert view["counts"]["failed"] == view["unknown"]
    billed = Counter(call["prompt"] for call in person.ledger() if call["images_billed"])
    assert max(billed.values()) == 1
    assert view["counts"]["succeeded"] <= len(billed) <= 90
    assert float(view["cost"]["reserved"]) == 0


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
