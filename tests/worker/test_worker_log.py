"""Each attempt leaves one line in the log, with everything that was not secret about it."""

import json

from world import World

PROMPT = "a very private prompt about an emperor"


def settled(world: World) -> list[dict[str, object]]:
    [worker] = world.processes
    lines = [json.loads(line) for line in worker.lines if '"settle_attempt"' in line]
    return sorted(lines, key=lambda line: line["number"])


def test_one_line_for_each_attempt(world: World) -> None:
    worker = world.start_worker(DARKROOM_LOG_FORMAT="json")
    batch_id = world.submit([{"prompt": f"[[fault:rate_limit=0.01*1]] {PROMPT}", "n": 2}])
    world.until(batch_id)
    worker.saw('"succeeded"')
    refused, made = settled(world)
    [job] = world.jobs(batch_id)
    first, second = world.attempts()
    asked = {
        "provider": "default",
        "model": "gpt-image-2",
        "size": "1024x1024",
        "quality": "low",
        "n": 2,
    }
    assert made.items() >= {
        **asked, "outcome": "succeeded", "batch_id": batch_id.hex, "job_id": job.id, "attempt_id": second.id.hex,
        "number": 2, "request_id": second.request_id, "latency_ms": second.latency_ms,
        "cost": f"{second.cost.normalize():f}", "output_tokens": 392, "image_tokens": 0,
    }.items()  # fmt: skip
    assert made["text_tokens"] > 0
    assert refused.items() >= {
        **asked, "outcome": "failed", "attempt_id": first.id.hex, "number": 1, "cost": "0",
        "failure": "rate_limited", "code": "rate_limit_exceeded", "http_status": 429,
    }.items()  # fmt: skip


def test_neither_the_prompt_nor_the_key_is_in_it(world: World) -> None:
    worker = world.start_worker(DARKROOM_LOG_FORMAT="json", DARKROOM_ON_UNKNOWN="fail")
    faults = ("", "[[fault:moderation]]", "[[fault:invalid_value]]", "[[fault:html_200]]")
    world.until(world.submit([f"{fault} {PROMPT}" for fault in faults]))
    worker.close()
    everything = "".join(worker.lines)
    assert everything.count('"settle_attempt"') == len(faults)
    assert "emperor" not in everything
    assert "sk-of-the-test" not in everything


def test_a_line_from_within_an_attempt_carries_its_ids(world: World) -> None:
    worker = world.start_worker(DARKROOM_LOG_FORMAT="json")
    world.sandbox.configure(api_key="sk-another")
    batch_id = world.submit(["A print"])
    line = json.loads(worker.saw('"pause_key"'))
    [row] = world.attempts()
    ids = {"batch_id": batch_id.hex, "job_id": row.job_id, "attempt_id": row.id.hex}
    assert line.items() >= ids.items()
    theirs = [json.loads(line) for line in worker.lines if '"logger": "celery' in line]
    assert {line["action"] for line in theirs} == {"celery"}
