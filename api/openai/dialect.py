"""Every router of this dialect, in the order in which the document lists them."""

from api.openai import batches, files, images, models

ROUTERS = (
    files.uploads,
    files.router,
    batches.creating,
    batches.router,
    images.router,
    images.editing,
    models.router,
)
