"""darkroom: a durable batch queue for OpenAI-compatible image APIs."""
