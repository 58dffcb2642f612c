"""Many values in one parameter: a statement for one row is, word for word, the statement for a hundred."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnClause, ColumnElement, any_, bindparam, column, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.selectable import TableValuedAlias


def records(rows: Sequence[Mapping[str, object]], *columns: ColumnClause[Any]) -> TableValuedAlias:
    """These rows as a table with columns of these names and types; UUIDs and money are given as text."""
    given = func.jsonb_to_recordset(bindparam(None, rows, JSONB))
    named = (column(like.name, like.type) for like in columns)
    return given.table_valued(*named).render_derived("given", with_types=True)


def among(like: ColumnClause[Any], values: Collection[object]) -> ColumnElement[bool]:
    """Whether a column holds one of these values."""
    return like == any_(bindparam(None, list(values), ARRAY(like.type)))
