"""What all tables have in common: how constraints are named, how money and moments are kept."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Column, DateTime, MetaData, Numeric, func
from sqlalchemy.schema import SchemaItem

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Money = Numeric(18, 9)
Moment = DateTime(timezone=True)


def one_of(column: str, words: type[StrEnum]) -> SchemaItem:
    """The column holds one of these words and no other."""
    allowed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


def born() -> Column[object]:
    """When the row was written."""
    return Column("created_at", Moment, nullable=False, server_default=func.now())
