"""Every page, in one router."""

from fastapi import APIRouter

from api.web import assets, batches, catalogs, door, gallery, prints, reviews, system, watching

router = APIRouter()
for room in (
    assets.router,
    door.router,
    watching.router,
    batches.making,
    batches.router,
    gallery.router,
    prints.router,
    reviews.router,
    catalogs.router,
    system.router,
):
    router.include_router(room)
