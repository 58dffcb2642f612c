from concurrent.futures import ThreadPoolExecutor

import openai
import pytest


def test_a_held_call_waits_for_its_release(sandbox, generate):
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(generate, "a [[hold:gate]]")
        state = sandbox.wait(held=1)
        assert (state["held"], state["in_flight"], state["images_billed"]) == ({"gate": 1}, 1, 0)
        assert sandbox.last_call()["status"] is None
        assert sandbox.post("release", name="gate") == {"released": 1}
        assert answer.result().data
    assert sandbox.last_call()["status"] == 200
    assert generate("a [[hold:gate]]").data


def test_a_caller_that_leaves_is_billed_all_the_same(sandbox):
    with sandbox.client(timeout=0.3) as client, pytest.raises(openai.APITimeoutError):
        client.images.generate(prompt="[[hold:gate]]", model="gpt-image-2")
    assert sandbox.get("totals")["images_billed"] == 0
    sandbox.post("release", name="gate")
    assert sandbox.wait(billed=1, in_flight=0)["images_billed"] == 1


def test_waiting_ends_with_the_event(sandbox, generate):
    with ThreadPoolExecutor(1) as pool:
        state = pool.submit(sandbox.wait, calls=2, ended=2)
        generate()
        generate()
        assert state.result()["calls"] == 2


def test_waiting_in_vain_ends_with_408(sandbox):
    answer = sandbox.http.get("/_sandbox/wait", params={"calls": 1, "timeout": 0.05})
    assert answer.status_code == 408
    assert answer.json()["calls"] == 0


def test_one_cannot_wait_for_what_is_not_counted(sandbox):
    answer = sandbox.http.get("/_sandbox/wait", params={"luck": 1})
    assert answer.status_code == 400
    assert "luck" in answer.json()["error"]["message"]


def test_the_ledger_since_a_call(sandbox, generate):
    for prompt in "abc":
        generate(prompt)
    assert [call["prompt"] for call in sandbox.get("ledger", since=1)["calls"]] == ["b", "c"]


def test_reset_forgets_and_restores(sandbox, generate):
    sandbox.configure(latency=5, requests_per_minute=1)
    sandbox.post("reset")
    assert sandbox.get("config")["latency"] == 0
    assert sandbox.get("totals")["calls"] == 0
    generate()
    assert sandbox.last_call()["seq"] == 1


def test_reset_releases_who_is_held_and_does_not_count_them(sandbox, generate):
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(generate, "[[hold:gate]]")
        sandbox.wait(held=1)
        sandbox.post("reset")
        assert answer.result().data
    totals = sandbox.get("totals")
    assert (totals["calls"], totals["in_flight"], totals["images_billed"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"latenzy": 1}, "latenzy"),
        ({"latency": -1}, "latency"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"faults": [{"fault": "nonsense"}]}, "nonsense"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_changes(sandbox, setting, named):
    before = sandbox.get("config")
    answer = sandbox.http.post("/_sandbox/config", json=setting)
    assert answer.status_code == 400
    assert named in answer.json()["error"]["message"]
    assert sandbox.get("config") == before


def test_the_key_can_be_set_and_is_never_shown(sandbox):
    assert "sk-hidden" not in str(sandbox.configure(api_key="sk-hidden"))
    with pytest.raises(openai.AuthenticationError) as caught:
        sandbox.openai.models.list()
    assert caught.value.code == "invalid_api_key"
    with sandbox.client(api_key="sk-hidden") as client:
        assert list(client.models.list())


def test_health(sandbox):
    assert sandbox.get("healthz") == {"status": "ok"}
