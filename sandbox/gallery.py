"""Finished images behind links, as relays serve them that answer with `url` in the place of the bytes."""

import secrets
from dataclasses import dataclass, field

from sandbox.errors import ApiError


@dataclass(slots=True)
class _Picture:
    content: bytes
    busy: int


@dataclass(slots=True)
class Gallery:
    """Owns what hangs in it; a picture may answer a few times that it is busy before it is given."""

    _pictures: dict[str, _Picture] = field(default_factory=dict)

    def hang(self, content: bytes, busy: int = 0) -> str:
        """Keeps an image, and names the path it is given under."""
        name = secrets.token_hex(12)
        self._pictures[name] = _Picture(content, busy)
        return f"/_sandbox/pictures/{name}"

    def give(self, name: str) -> bytes:
        """The bytes of a picture.

        Raises:
            ApiError: 404, if there is none; 503, while it is busy.
        """
        picture = self._pictures.get(name)
        if picture is None:
            raise ApiError(404, "There is no such picture.")
        if picture.busy:
            picture.busy -= 1
            raise ApiError(503, "Busy.")
        return picture.content

    def clear(self) -> None:
        """Takes every picture down."""
        self._pictures.clear()
