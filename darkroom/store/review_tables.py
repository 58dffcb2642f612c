"""The tables of reviews: what people said of drafts, and which better images came of them."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, Uuid

from darkroom.domain.review import Judgement
from darkroom.store.columns import born, metadata, one_of

reviews = Table(
    "reviews",
    metadata,
    Column("job_id", BigInteger, ForeignKey("jobs.id"), primary_key=True),
    Column("batch_id", Uuid, ForeignKey("batches.id"), nullable=False, comment="the job's"),
    Column("line", Integer, nullable=False, comment="the job's, for the order of pages"),
    Column("verdict", Text, nullable=False),
    born(),
    one_of("verdict", Judgement),
    Index("ix_reviews_batch_id_verdict_line", "batch_id", "verdict", "line"),
    comment="beside the jobs, whose rows are hot while they are worked on",
)

promotions = Table(
    "promotions",
    metadata,
    Column("job_id", BigInteger, ForeignKey("jobs.id"), primary_key=True, comment="the draft"),
    Column("target", Text, primary_key=True, comment="quality, size, reference"),
    Column("batch_id", Uuid, ForeignKey("batches.id"), nullable=False, comment="of the final"),
    born(),
)
