"""Door 1, HTTP in: what callers ask for becomes rows; the workers take it from there."""
