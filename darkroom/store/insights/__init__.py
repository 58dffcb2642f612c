"""The one read side: API, command line and pages all ask here."""

from darkroom.store.insights.batches import BatchView, Checked, batch, page, problems_page
from darkroom.store.insights.catalogs import CatalogView, NightView, catalogs_of, night
from darkroom.store.insights.jobs import (
    AttemptView,
    ImageView,
    JobView,
    attempt,
    image,
    image_owner,
    job,
    job_attempts,
    job_views,
    jobs_page,
)
from darkroom.store.insights.projects import ProjectView, projects_page
from darkroom.store.insights.reports import report

__all__ = [
    "AttemptView",
    "BatchView",
    "CatalogView",
    "Checked",
    "ImageView",
    "JobView",
    "NightView",
    "ProjectView",
    "attempt",
    "batch",
    "catalogs_of",
    "image",
    "image_owner",
    "job",
    "job_attempts",
    "job_views",
    "jobs_page",
    "night",
    "page",
    "problems_page",
    "projects_page",
    "report",
]
