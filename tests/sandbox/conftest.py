"""A real sandbox process, a real `openai` client, and the control API beside them."""

import base64
import io
import select
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from openai import OpenAI
from PIL import Image

ROOT = Path(__file__).parents[2]
READY_WITHIN = 20
ANSWER_WITHIN = 10


class Process:
    """`python -m sandbox` on a free port, ready when made, gone when closed."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "--port", "0", *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._listening().split()[-1]
        self.http = httpx2.Client(base_url=self.url.removesuffix("/v1"), timeout=ANSWER_WITHIN)
        self.openai = self.client()

    def client(self, **options):
        given = {"api_key": "sk-anything", "max_retries": 0, "timeout": ANSWER_WITHIN, **options}
        return OpenAI(base_url=self.url, **given)

    def get(self, path, **params):
        return self.http.get(f"/_sandbox/{path}", params=params).raise_for_status().json()

    def post(self, path, **body):
        return self.http.post(f"/_sandbox/{path}", json=body).raise_for_status().json()

    def configure(self, **settings):
        return self.post("config", **settings)

    def wait(self, **conditions):
        return self.get("wait", timeout=ANSWER_WITHIN, **conditions)

    def calls(self):
        return self.get("ledger")["calls"]

    def last_call(self):
        return self.calls()[-1]

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(timeout=ANSWER_WITHIN)

    def close(self):
        self.openai.close()
        self.http.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def _listening(self):
        ready, _, _ = select.select([self.process.stdout], [], [], READY_WITHIN)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            pytest.fail("the sandbox did not start")
        return line


@pytest.fixture(scope="session")
def running():
    process = Process()
    yield process
    process.close()


@pytest.fixture
def sandbox(running):
    """The session's sandbox, as at its start."""
    running.post("reset")
    return running


@pytest.fixture
def start():
    """Start further sandboxes with options of their own."""
    started = []

    def begin(*options):
        started.append(Process(*options))
        return started[-1]

    yield begin
    for process in started:
        process.close()


@pytest.fixture
def generate(sandbox):
    def call(prompt="a red fox", **parameters):
        given = {"model": "gpt-image-2", "size": "1024x1024", "quality": "low", **parameters}
        return sandbox.openai.images.generate(prompt=prompt, **given)

    return call


@pytest.fixture
def opened():
    def decode(image):
        picture = Image.open(io.BytesIO(base64.b64decode(image.b64_json, validate=True)))
        picture.load()
        return picture

    return decode


@pytest.fixture
def picture_bytes():
    def encode(size=(1024, 1024), mode="RGB", image_format="PNG", color=0):
        buffer = io.BytesIO()
        Image.new(mode, size, color).save(buffer, image_format)
        return buffer.getvalue()

    return encode
