"""The embedded mode: Postgres, Valkey and our own processes as children of one supervisor."""
