"""Every route under /api/v1, as the application itself lists them."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from api.app import build
from darkroom.settings import Settings

NATIVE = "/api/v1"

PARTS = {
    "priority": {"priority": 1},
    "diff": {"plan_file_id": "{file_id}"},
    "nights": {"plan_file_id": "{file_id}"},
    "plan": {"plan_file_id": "{file_id}"},
    "schedule": {"plan_file_id": "{file_id}", "cron": "0 22 * * *"},
    "settle": {"outcome": "billed"},
    "reviews": {"reject": ["sku-7"]},
    "estimate": {"quality": "high"},
    "promote": {"quality": "high"},
}
"""Bodies of routes with an id in the path, by their last part."""


@dataclass(frozen=True, slots=True)
class Route:
    """A method on a path with its ids still open."""

    method: str
    path: str
    operation: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def scope(self) -> str:
        """The least scope that the contract asks for."""
        if "/keys" in self.path or self.path.endswith(("/gc", "/forget")):
            return "admin"
        looks = self.method == "GET" or self.path.endswith(("/logins", "/links"))
        return "read" if looks else "submit"

    @property
    def takes_id(self) -> bool:
        return "{" in self.path

    def with_ids(self, **ids: str) -> str:
        return self.path.format(**ids)


@cache
def document() -> dict[str, Any]:
    """What the API says of itself: made once, and read only."""
    app = build(Settings(database_url="postgresql://127.0.0.1/none", home=Path("/nowhere")))
    return app.openapi()


def native_routes() -> list[Route]:
    return [
        Route(method.upper(), path, operation)
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
        if path.startswith(NATIVE)
    ]
