"""Leave to call: every worker of every machine asks here before it opens a socket."""

from darkroom.limits.known import Known, Memory
from darkroom.limits.limiter import (
    LONGEST_COOLING,
    Admitted,
    Denied,
    Lesson,
    Limiter,
    LimiterAway,
    Load,
)

__all__ = [
    "LONGEST_COOLING",
    "Admitted",
    "Denied",
    "Known",
    "Lesson",
    "Limiter",
    "LimiterAway",
    "Load",
    "Memory",
]
