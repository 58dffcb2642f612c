"""An API of canned answers, and what it tells."""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

BATCH_ID = "batch_019ab2c34d5e7f00a1b2c3d4e5f60718"
OTHER_ID = "batch_019ab2c34d5e7f00a1b2c3d4e5f6aaaa"
API_KEY = "dk_of-the-tests"
PATIENCE = 20


def batch(**changes):
    """A batch as the API tells it; `counts` and `cost` need name only what differs."""
    states = ("queued", "dispatched", "running", "succeeded", "failed", "cancelled", "expired")
    counts = {"total": 2, **dict.fromkeys(states, 0), **changes.pop("counts", {"succeeded": 2})}
    cost = {"spent": "0.01186", "reserved": "0", "at_risk": "0", "cap": None, "currency": "usd"}
    return {
        "id": BATCH_ID,
        "name": None,
        "provider": "default",
        "status": "completed",
        "paused_reason": None,
        "paused_detail": None,
        "counts": counts,
        "unknown": 0,
        "mismatched": 0,
        "images": counts["succeeded"],
        "skipped": 0,
        "cost": cost | changes.pop("cost", {}),
        "images_per_minute": 0.0,
        "eta_seconds": 0.0,
        "ended": True,
        "created_at": "2026-11-22T20:00:00.123456Z",
        "in_progress_at": "2026-11-22T20:00:01Z",
        "ended_at": "2026-11-22T20:01:15Z",
        "deadline_at": None,
        "priority": 0,
        "window": None,
        "timezone": None,
        "waits_until": None,
        "will_expire": 0,
        "retry_of": None,
        "retries": [],
        "problems": [],
        **changes,
    }


WORKING = {"status": "in_progress", "ended": False, "ended_at": None}


def job(number, custom_id, images=(), **changes):
    return {
        "id": f"job_{number}",
        "batch_id": BATCH_ID,
        "line": number + 1,
        "custom_id": custom_id,
        "state": "succeeded",
        "request": {"prompt": f"prompt {number}", "model": "gpt-image-2", "n": max(1, len(images))},
        "attempts": 1,
        "due_at": "2026-11-22T20:00:01Z",
        "ended_at": "2026-11-22T20:00:31Z",
        "failure": None,
        "cost": "0.00593",
        "request_id": f"req_{number}",
        "images": list(images),
        **changes,
    }


@dataclass
class Api:
    """Answers as told, and remembers what it was asked; a list of answers is used up to its last."""

    url: str = ""
    answers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    heard: threading.Condition = field(default_factory=threading.Condition)

    def on(self, method, path, *answers, status=200):
        self.answers[method, path] = [(status, one) for one in answers]

    def knows(self, *batches):
        """These batches, newest first; several states of one are told one after another."""
        latest = {one["id"]: one for one in batches}
        self.on(
            "GET",
            "/api/v1/batches",
            {"data": list(latest.values()), "has_more": False, "next": None},
        )
        for batch_id in latest:
            states = [one for one in batches if one["id"] == batch_id]
            self.on("GET", f"/api/v1/batches/{batch_id}", *states)

    def has_jobs(self, *pages):
        told = [
            {"data": page, "has_more": following is not None, "next": following}
            for page, following in zip(pages, [*map(str, range(1, len(pages))), None], strict=False)
        ]
        self.on("GET", f"/api/v1/batches/{BATCH_ID}/jobs", *told)

    def has_image(self, name, content, format="png"):  # noqa: A002 - the API's word
        """An image as a job tells it, its bytes ready."""
        url = f"/api/v1/images/img_{name}"
        self.on("GET", url, content)
        return {
            "id": f"img_{name}",
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "format": format,
            "width": 8,
            "height": 4,
            "disposition": "published",
            "url": url,
        }

    def takes(self, created, status=202):
        """An upload and a submission."""
        self.on("POST", "/api/v1/files", {"id": "file-1"}, status=201)
        self.on("POST", "/api/v1/batches", created, status=status)

    def bodies(self, method, path):
        return [body for *asked, body in self.asked if asked == [method, path]]

    def wait_for(self, method, path):
        with self.heard:
            assert self.heard.wait_for(lambda: self.bodies(method, path), PATIENCE)

    def answer(self, method, path, body):
        with self.heard:
            self.asked.append((method, path, body))
            self.heard.notify_all()
            prepared = self.answers.get((method, path))
            if prepared is None:
                return 404, {"title": "Not Found", "status": 404, "detail": f"no {path}"}
            return prepared.pop(0) if len(prepared) > 1 else prepared[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers["Authorization"] != f"Bearer {API_KEY}":
            self._send(401, {"title": "Unauthorized", "detail": "this key is not known"})
        else:
            self._send(*self.server.api.answer(self.command, urlsplit(self.path).path, body))

    do_POST = do_DELETE = do_GET  # noqa: N815 - the library looks for these names

    def _send(self, status, answer):
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(0 if status == 204 else len(content)))
        self.end_headers()
        self.wfile.write(b"" if status == 204 else content)

    def log_message(self, *_):
        pass
