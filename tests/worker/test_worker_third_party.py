"""Generations and edits on an OpenAI-compatible server that others wrote.

Get it with `npm install --no-save @copilotkit/aimock`, here or wherever AIMOCK says; without it this is skipped.
"""

import base64
import json
import os
import shutil
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest
from gallery import data_url, picture
from world import ROOT, Process

from darkroom.domain.batch import BatchStatus
from darkroom.local.ports import free_port

FOLDER = Path(os.environ.get("AIMOCK", ROOT))
CLI = FOLDER / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"

pytestmark = [
    pytest.mark.third_party,
    pytest.mark.skipif(not CLI.exists() or not shutil.which("node"), reason="aimock is not there"),
]


@pytest.fixture
def upstream(tmp_path):
    image = {"image": {"b64Json": base64.b64encode(picture((1024, 1024))).decode()}}
    blocked = {"message": "rejected by the safety system", "type": "image_generation_user_error", "code": "moderation_blocked"}  # fmt: skip
    fixtures = [
        {
            "match": {"userMessage": "forbidden", "endpoint": "image"},
            "response": {"error": blocked, "status": 400},
        },
        {"match": {"userMessage": "fox"}, "response": image},
    ]
    path = tmp_path / "fixtures.json"
    path.write_text(json.dumps({"fixtures": fixtures}))
    port = str(free_port())
    process = Process(("node", str(CLI), "-p", port, "-f", str(path)), {}, tmp_path / "aimock.log")
    process.saw("listening on")
    yield f"http://127.0.0.1:{port}/v1"
    process.close()


def test_generations_and_edits_are_what_others_understand_too(world, upstream):
    world.start_worker(OPENAI_BASE_URL=upstream)
    first, mask = data_url(picture()), data_url(picture(mode="RGBA"))
    edits = [{"image": first}, {"images": [{"image_url": first}] * 3, "mask": mask}]
    rows = [{"prompt": "a fox"}, *({"prompt": "a fox", **edit} for edit in edits)]
    batch_id = world.submit([*rows, {"prompt": "forbidden", "image": first}])
    view = world.until(batch_id)
    assert view.status is BatchStatus.COMPLETED, view.problems
    jobs = world.jobs(batch_id)
    assert [job.state for job in jobs] == ["succeeded"] * 3 + ["failed"], jobs
    assert jobs[3].failure["class"] == "moderation"
    assert view.cost.spent > Decimal("0.0059") * 3
    asked = httpx2.get(upstream.removesuffix("/v1") + "/__aimock/journal").json()
    paths = [entry["path"] for entry in asked]
    assert sorted(paths) == ["/v1/images/edits"] * 3 + ["/v1/images/generations"]
