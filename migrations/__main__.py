"""`python -m migrations [upgrade|downgrade|current] [REVISION]` on the database of DARKROOM_DATABASE_URL."""

import sys

from alembic import command

from darkroom.settings import Settings
from darkroom.telemetry.logs import configure_logs, logger
from migrations.config import alembic_config

USAGE = "usage: python -m migrations upgrade | downgrade REVISION | current"


def main(arguments: list[str]) -> int:
    settings = Settings()
    configure_logs(settings.log_format)
    url = settings.database_url
    if url is None:
        print("migrations: set DARKROOM_DATABASE_URL to postgresql://…", file=sys.stderr)  # noqa: T201
        return 2
    config = alembic_config(url)
    match arguments:
        case ["upgrade"]:
            command.upgrade(config, "head")
            logger("migrations").info("the database is up to date", action="migrate")
        case ["downgrade", revision]:
            command.downgrade(config, revision)
        case ["current"]:
            command.current(config)
        case _:
            print(USAGE, file=sys.stderr)  # noqa: T201
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
