"""One line an event, each with an `action`: for people in a terminal, as JSON everywhere else."""

import logging
import sys
from contextlib import AbstractContextManager
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["auto", "console", "json"]

Logger = structlog.stdlib.BoundLogger

_OF_THE_SERVER = ("uvicorn", "uvicorn.error", "uvicorn.access")
"""They come with handlers of their own."""


def configure_logs(log_format: LogFormat, level: int = logging.INFO) -> None:
    """Sets up this process's log on stderr, the standard library's loggers included."""
    json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _named,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _OF_THE_SERVER:
        theirs = logging.getLogger(name)
        theirs.handlers.clear()
        theirs.propagate = True
    # It would write down links that sign in; the API has lines of its own.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)


def _named(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What a library says has no action of ours, so its own name is one."""
    event.setdefault("action", str(event.get("logger")).partition(".")[0])
    return event


def concerning(**ids: object) -> AbstractContextManager[None]:
    """While inside, every line of this thread carries these ids."""
    return structlog.contextvars.bound_contextvars(**ids)


def logger(name: str) -> Logger:
    """A logger by its room's name."""
    bound: Logger = structlog.stdlib.get_logger(name)
    return bound
