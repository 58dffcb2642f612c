"""Where Alembic finds our migrations and which database it works on."""

from pathlib import Path

from alembic.config import Config


def alembic_config(url: str) -> Config:
    """Alembic's configuration for this database; no ini file, and the URL is never logged."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = url
    return config
