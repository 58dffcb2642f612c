"""A project as its shop sees it: OpenAI's own client, unmodified, and what it sends."""

import json
from dataclasses import dataclass

import openai
from factories import Factory

GENERATIONS = "/v1/images/generations"


@dataclass(frozen=True, slots=True)
class Shop:
    """One project: its key, its client, and a factory of batches that no worker takes."""

    project_id: str
    key: str
    url: str
    client: openai.OpenAI
    make: Factory

    def upload(self, *bodies: dict, url: str = GENERATIONS) -> str:
        """A file with a line for each body; the id of the file."""
        lines = [
            {"custom_id": f"row-{number}", "method": "POST", "url": url, "body": body}
            for number, body in enumerate(bodies, 1)
        ]
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        return self.client.files.create(file=("lines.jsonl", data), purpose="batch").id

    def create(self, *bodies: dict, **more):
        """A batch of these bodies."""
        return self.client.batches.create(
            input_file_id=self.upload(*bodies),
            endpoint=GENERATIONS,
            completion_window="24h",
            **more,
        )

    def lines(self, file_id: str) -> list[dict]:
        """The lines of a file that came of a batch."""
        return [json.loads(line) for line in self.client.files.content(file_id).iter_lines()]


def drawn(prompt: str = "a cat", **more) -> dict:
    """The body of a small request."""
    return {"model": "gpt-image-2", "prompt": prompt, "size": "1024x1024", "quality": "low", **more}
