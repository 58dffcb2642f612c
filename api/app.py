"""The API as a server runs it: `uvicorn --factory api.app:create_app`."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, date, datetime
from functools import lru_cache

from fastapi import FastAPI
from pydantic import SecretStr

from api import docs, envelope, errors, health, metrics
from api.auth import admit
from api.document import Described
from api.instruments import ModelsOf, opened
from api.native import (
    archives,
    attempts,
    batches,
    catalogs,
    estimates,
    events,
    files,
    gc,
    images,
    jobs,
    keys,
    projects,
    providers,
    reports,
    reviews,
    schedules,
    settlements,
    usage,
    webhooks,
)
from api.openai import dialect as compatible
from api.openai import wording
from api.projects import Projects
from api.stopping import told_to_stop
from api.web import door, site
from darkroom import __doc__ as tagline
from darkroom.domain.models import Models
from darkroom.fetching import Guard
from darkroom.lookout import Lookout
from darkroom.settings import Settings, read_settings
from darkroom.telemetry.logs import configure_logs

NATIVE = "/api/v1"
COMPATIBLE = "/v1"
MEGABYTE = 1_000_000
DIALECTS = (
    files,
    batches,
    settlements,
    reviews,
    archives,
    catalogs,
    events,
    jobs,
    attempts,
    images,
    keys,
    projects,
    providers,
    reports,
    schedules,
    estimates,
    usage,
    webhooks,
    gc,
)


class SettingMissing(Exception):  # noqa: N818 - named for what it is
    """The server cannot start without a setting that is not there."""


def create_app() -> FastAPI:
    """The application, by the settings of this process.

    Raises:
        SettingMissing: There is no database to speak to.
    """
    settings = read_settings(Settings)
    configure_logs(settings.log_format)
    return build(settings)


def build(settings: Settings) -> FastAPI:
    """The application, by these settings; nothing is opened before it starts to serve."""
    app = Described(
        title="darkroom",
        summary=tagline,
        version="1",
        lifespan=_lifespan(settings),
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(envelope.Envelope)
    astray = dict.fromkeys(wording.ASTRAY, wording.strayed)
    errors.install(app, {wording.PREFIX: wording.worded, **astray})
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(docs.router)
    for dialect in DIALECTS:
        app.include_router(dialect.router, prefix=NATIVE)
    app.include_router(door.links, prefix=NATIVE)
    for router in compatible.ROUTERS:
        app.include_router(router, prefix=COMPATIBLE)
    app.include_router(site.router)
    return app


def _lifespan(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    if settings.database_url is None:
        raise SettingMissing("set DARKROOM_DATABASE_URL to postgresql://…, or use `darkroom up`")
    database_url = settings.database_url
    storage_url = settings.storage_url or (settings.home.absolute() / "blobs").as_uri()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        limit = settings.max_upload_mb * MEGABYTE
        known = Projects(
            settings.usual_provider, {name: settings.allowed(name) for name in settings.projects}
        )
        with opened(
            database_url,
            storage_url,
            settings.redis_url,
            limit,
            known,
            models_of=_models(settings, known),
            lookout=Lookout(Guard(allow_private=settings.allow_private_urls)),
            requests_per_minute=settings.api_requests_per_minute,
            retention=settings.retention,
            flower_url=settings.flower_url,
            metrics_token=_secret(settings.metrics_token),
        ) as instruments:
            if settings.admin_key:
                with instruments.transaction() as connection:
                    admit(connection, settings.admin_key.get_secret_value())
            app.state.instruments = instruments
            with told_to_stop(instruments.hush):
                yield

    return lifespan


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None


def _models(settings: Settings, known: Projects) -> ModelsOf:
    """The models of a project's providers, read once a day: some are shut down tomorrow."""

    @lru_cache(maxsize=16)
    def of(provider: str, today: date) -> Models:
        return settings.profile_of(provider, today).models

    return lambda project_id, wanted=None: of(
        known.provider(project_id, wanted), datetime.now(UTC).date()
    )
