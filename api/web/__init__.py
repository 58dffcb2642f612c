"""The pages: what people see at `/`, rendered here, alive by server-sent events, complete without a script."""
