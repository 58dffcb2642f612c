"""The tables of projects' budgets, and of what bills have shown that requests can cost."""

from sqlalchemy import Column, ForeignKey, SmallInteger, Table, Text

from darkroom.store.columns import Money, metadata

budgets = Table(
    "budgets",
    metadata,
    Column("project_id", Text, ForeignKey("projects.id"), primary_key=True),
    Column("period", Text, primary_key=True, comment="a day of the project's, or `total`"),
    *(
        Column(name, Money, nullable=False, server_default="0")
        for name in ("spent", "reserved", "at_risk", "overrun")
    ),
    Column("announced", SmallInteger, nullable=False, server_default="0", comment="percent"),
    postgresql_with={"fillfactor": "50"},
)

bounds = Table(
    "bounds",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("request_class", Text, primary_key=True, comment="model, size, quality and number"),
    Column("bound", Money, nullable=False, comment="the dearest bill that passed its reservation"),
)
