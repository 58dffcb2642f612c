"""The one read side: API, command line and pages all ask here."""

from darkroom.store.insights.batches import BatchView, batch, page, problems_page
from darkroom.store.insights.jobs import (
    AttemptView,
    ImageView,
    JobView,
    attempt,
    image,
    job,
    job_attempts,
    job_views,
    jobs_page,
)
from darkroom.store.insights.schema import missing_tables

__all__ = [
    "AttemptView",
    "BatchView",
    "ImageView",
    "JobView",
    "attempt",
    "batch",
    "image",
    "job",
    "job_attempts",
    "job_views",
    "jobs_page",
    "missing_tables",
    "page",
    "problems_page",
]
