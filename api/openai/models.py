"""Models: what a request may name."""

from fastapi import APIRouter

from api.deps import Reader, Tools, bearer
from api.openai.views import ModelList, ModelObject
from api.openai.wording import documented
from api.refusals import Missing
from api.route import GuardedRoute
from darkroom.domain.models import Models

router = APIRouter(
    prefix="/models", tags=["OpenAI"], route_class=GuardedRoute, dependencies=[bearer]
)


@router.get("", responses=documented(401, 403, 503))
def list_models(tools: Tools, caller: Reader) -> ModelList:
    """List the models that the project's provider is known to have."""
    models = tools.models_of(caller.project_id)
    return ModelList(data=[_shown(models, name) for name in sorted(models.known)])


@router.get("/{name}", responses=documented(401, 403, 404, 503))
def show(tools: Tools, caller: Reader, name: str) -> ModelObject:
    """Retrieve a model."""
    models = tools.models_of(caller.project_id)
    if name not in models.known:
        raise Missing("model", name)
    return _shown(models, name)


def _shown(models: Models, name: str) -> ModelObject:
    shutdown = models.known[name].shutdown
    return ModelObject(id=name, shutdown_date=shutdown.isoformat() if shutdown else None)
