"""The image provider: one call with one answer, and what the answer means. The only user of `openai`."""

from darkroom.domain.answer import Answer
from darkroom.provider.call import CallFailed
from darkroom.provider.client import Client, shared_tls
from darkroom.provider.hearing import hear
from darkroom.provider.part import Part
from darkroom.provider.reading import Images, read
from darkroom.provider.upstream import Provider

__all__ = [
    "Answer",
    "CallFailed",
    "Client",
    "Images",
    "Part",
    "Provider",
    "hear",
    "read",
    "shared_tls",
]
