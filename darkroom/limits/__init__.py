"""Leave to call: every worker of every machine asks here before it opens a socket."""

from darkroom.limits.limiter import Admitted, Denied, Limiter, LimiterAway, Limits, Load

__all__ = ["Admitted", "Denied", "Limiter", "LimiterAway", "Limits", "Load"]
