"""OpenAI's own Node library, unmodified, does against us what it does against OpenAI.

`make node` gets it into .node and runs these; without NODE_OPENAI, the folder where it is, they are skipped.
"""

import base64
import json
import os
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from gallery import picture
from shop import GENERATIONS, drawn

from darkroom.webhooks import message, signed

FOLDER = Path(os.environ.get("NODE_OPENAI", ""))
SCRIPT = Path(__file__).with_name("customer.mjs")
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(
        not (FOLDER / "node_modules" / "openai").exists() or not shutil.which("node"),
        reason="node or its package openai is not there",
    ),
]


@pytest.fixture
def customer(shop):
    """Lets the script act for this test's project; what it tells."""

    def act(name: str, **asked: object) -> dict:
        asked |= {"act": name, "url": shop.url, "key": shop.key, "secret": SECRET}
        done = subprocess.run(
            ["node", SCRIPT],
            input=json.dumps(asked),
            env={**os.environ, "NODE_OPENAI": str(FOLDER.absolute())},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return act


def _lines(*prompts: str) -> str:
    lines = (
        {"custom_id": prompt, "method": "POST", "url": GENERATIONS, "body": drawn(prompt)}
        for prompt in prompts
    )
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_a_batch_is_ordered_listed_cancelled_and_fetched(shop, studio, customer, ended):
    held = _lines(*[f"[[hold:{shop.project_id}]] {number}" for number in range(20)])
    told = customer("order", lines=_lines("a cat"), held=held)
    studio.sandbox.release(shop.project_id)
    ended(shop, SimpleNamespace(id=told["id"]))
    customer("fetch", id=told["id"])


def test_images_are_drawn_and_edited_one_at_a_time(customer):
    customer("draw", picture=base64.b64encode(picture()).decode())


def test_a_webhook_is_believed(customer):
    body = message("evt_1", "batch.completed", datetime.now(UTC), {"id": "batch_1"})
    headers = dict(signed(SECRET, "evt_1", int(time.time()), body))
    told = customer("hear", webhook={"body": body.decode(), "headers": headers})
    assert told == {"type": "batch.completed", "id": "batch_1"}
