import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest


def generate(sandbox, prompt):
    return sandbox.openai.images.generate(prompt=prompt, model="gpt-image-2", quality="low")


def test_the_ledger_survives_a_kill(start, tmp_path):
    path = tmp_path / "ledger.jsonl"
    first = start("--ledger", str(path))
    generate(first, "kept")
    with pytest.raises(openai.InternalServerError):
        generate(first, "again [[fault:server_error*1]]")
    with ThreadPoolExecutor(2) as pool:
        calls = [
            pool.submit(generate, first, f"[[{what}]]") for what in ("hold:gate", "fault:hang")
        ]
        first.wait(held=1, billed=2)
        first.end(signal.SIGKILL)
        for call in calls:
            with pytest.raises(openai.APIConnectionError):
                call.result()
    second = start("--ledger", str(path))
    status = {call["prompt"]: (call["status"], call["images_billed"]) for call in second.calls()}
    assert status == {
        "kept": (200, 1),
        "again [[fault:server_error*1]]": (500, 0),
        "[[hold:gate]]": ("stopped", 0),
        "[[fault:hang]]": ("stopped", 1),
    }
    totals = second.get("totals")
    assert (totals["images_billed"], totals["calls"], totals["in_flight"]) == (2, 4, 0)
    assert generate(second, "again [[fault:server_error*1]]").data
    assert second.last_call()["seq"] == 5


def test_a_torn_last_line_is_left_out(start, tmp_path):
    path = tmp_path / "ledger.jsonl"
    first = start("--ledger", str(path))
    generate(first, "kept")
    first.end(signal.SIGKILL)
    path.write_bytes(path.read_bytes() + b'{"seq":2,"endp')
    second = start("--ledger", str(path))
    generate(second, "next")
    assert [call["prompt"] for call in second.calls()] == ["kept", "next"]
    assert [json.loads(line)["seq"] for line in path.read_text().splitlines()][-1] == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_with_calls_held(start, number):
    sandbox = start()
    with ThreadPoolExecutor(3) as pool:
        prompts = ("[[hold:gate]]", "[[fault:hang]]", "[[latency:60]]")
        calls = [pool.submit(generate, sandbox, prompt) for prompt in prompts]
        sandbox.wait(in_flight=3, held=1)
        assert sandbox.end(number) == 0
        for call in calls:
            with pytest.raises(openai.APIConnectionError):
                call.result()


def test_settings_come_from_a_file_and_options(start, tmp_path):
    file = tmp_path / "sandbox.toml"
    file.write_text(
        'latency = [0.0, 0.1]\nimages_per_minute = 7\n[[faults]]\nfault = "hang"\ncalls = [9]\n'
    )
    sandbox = start("--config", str(file), "--images-per-minute", "5", "--api-key", "sk-only")
    config = sandbox.get("config")
    assert (config["latency"], config["images_per_minute"]) == ([0.0, 0.1], 5)
    assert config["faults"][0]["calls"] == [9]
    with pytest.raises(openai.AuthenticationError) as caught:
        generate(sandbox, "a")
    assert caught.value.code == "invalid_api_key"
    assert "sk-anything" not in caught.value.message
    with sandbox.client(api_key="sk-only") as client:
        assert client.images.generate(prompt="a", model="gpt-image-2").data


@pytest.mark.parametrize("text", ["latenzy = 1\n", "latency = \n"])
def test_an_unusable_file_is_refused_with_its_name(tmp_path, text):
    file = tmp_path / "sandbox.toml"
    file.write_text(text)
    ended = subprocess.run(
        [sys.executable, "-m", "sandbox", "--port", "0", "--config", str(file)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert "sandbox.toml" in ended.stderr


@pytest.mark.parametrize(
    "options", [("--latency", "soon"), ("--ledger", "/nowhere/at/all"), ("--seed", "x"), ()]
)
def test_an_unusable_option_is_refused_in_one_line(options):
    ended = subprocess.run(
        [sys.executable, "-m", "sandbox", *(("--port", "0") if options else ()), *options],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert (options[0] if options else "--port") in ended.stderr.splitlines()[-1]
