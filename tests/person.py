"""Somebody who types commands: a home and a working directory of their own, and real processes."""

import json
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil
from world import ROOT, Process

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
