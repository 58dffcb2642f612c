"""The files that go along with a request."""

from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a multipart request; it is read piece by piece while it is sent, from where it stands."""

    field: str
    filename: str
    media_type: str
    file: BinaryIO

    def as_sent(self) -> tuple[str, tuple[str, BinaryIO, str]]:
        """The form in which the SDK takes it."""
        return self.field, (self.filename, self.file, self.media_type)
