"""The schema's history; `python -m migrations upgrade` brings a database to its head."""
