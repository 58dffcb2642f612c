"""The endpoints beside the images: which models there are, and files for references."""

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.errors import ApiError
from sandbox.keys import check_key
from sandbox.models import find, offered
from sandbox.world import World


class Catalog:
    """`/v1/models` and `/v1/files` of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/v1/models", self._models),
            Route("/v1/models/{name}", self._model),
            Route("/v1/files", self._upload, methods=["POST"]),
            Route("/v1/files/{file_id}", self._file),
        ]

    async def _models(self, request: Request) -> Response:
        self._check_key(request)
        models = [model.describe() for model in offered()]
        return JSONResponse({"object": "list", "data": models})

    async def _model(self, request: Request) -> Response:
        self._check_key(request)
        return JSONResponse(find(request.path_params["name"]).describe())

    async def _upload(self, request: Request) -> Response:
        self._check_key(request)
        async with request.form() as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise ApiError(400, "Missing required parameter: 'file'.", param="file")
            purpose = str(form.get("purpose", ""))
            stored = self._world.shelf.add(file.filename or "", purpose, await file.read())
        return JSONResponse(stored.describe())

    async def _file(self, request: Request) -> Response:
        self._check_key(request)
        return JSONResponse(self._world.shelf.get(request.path_params["file_id"]).describe())

    def _check_key(self, request: Request) -> None:
        check_key(request, self._world.settings.api_key)
