"""What a shell sees of the command: completion, interruptions, closed pipes, how much is loaded."""

import os
import subprocess
import sys

from canned import PATIENCE, batch


def test_a_shell_is_told_what_may_follow(spawned):
    words = {"COMP_WORDS": "darkroom est", "COMP_CWORD": "1"}
    outcome = spawned(_DARKROOM_COMPLETE="complete_bash", **words)
    assert (outcome.status, outcome.out.split()) == (0, ["estimate"])


def test_an_interruption_while_loading_says_nothing():
    script = (
        "import importlib, os, signal; from darkroom.cli.entry import main\n"
        "importlib.import_module = lambda _: os.kill(os.getpid(), signal.SIGINT)\n"
        "main()"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"", b"")


def test_a_reader_that_stops_reading_is_no_trouble(api):
    api.knows(batch())
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "darkroom.cli", "status"]
    done = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, timeout=PATIENCE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (3, b"")


def test_a_command_reads_no_other_command():
    """Every command line pays for what it imports; `doctor` brings the whole store."""
    code = (
        "import sys; from darkroom.cli.main import build_app; build_app('status');"
        " assert 'darkroom.cli.show' in sys.modules;"
        " assert not {'darkroom.cli.doctor', 'sqlalchemy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_the_version_is_told(darkroom):
    outcome = darkroom("--version")
    assert outcome.status == 0
    assert outcome.out.startswith("darkroom 0.")
