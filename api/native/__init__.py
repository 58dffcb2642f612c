"""The native dialect, `/api/v1`: routes that translate between JSON and the verbs, and no rule of their own."""
