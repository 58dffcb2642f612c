"""Guarded download of URLs that strangers wrote: nothing inside our own network can be reached through them."""

from darkroom.fetching.download import fetch
from darkroom.fetching.failure import FetchCode, FetchFailed
from darkroom.fetching.guard import Guard, Lookup, blocked

__all__ = ["FetchCode", "FetchFailed", "Guard", "Lookup", "blocked", "fetch"]
