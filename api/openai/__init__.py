"""The compatible dialect, `/v1`: OpenAI's Files, Batches, Images and Models, field for field."""
