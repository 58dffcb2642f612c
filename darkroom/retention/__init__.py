"""What has been kept for long enough goes, in the order that leaves nothing without what it needs."""

from darkroom.retention.collect import Freed, collect, foreseen

__all__ = ["Freed", "collect", "foreseen"]
