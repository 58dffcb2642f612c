"""What darkroom costs, each time measured beside doing without it, on this machine, in one run."""
