"""Many values in one parameter: a statement for one row is, word for word, the statement for a hundred.

Building a statement costs more than sending it: those of the paid way are built once and kept.
"""

from typing import Any

from sqlalchemy import ARRAY, ColumnClause, ColumnElement, any_, bindparam, column, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.selectable import TableValuedAlias


def records(parameter: str, *columns: ColumnClause[Any]) -> TableValuedAlias:
    """The rows of this parameter as a table with columns of these names and types.

    They are given as mappings; UUIDs and money in them as text.
    """
    given = func.jsonb_to_recordset(bindparam(parameter, type_=JSONB))
    named = (column(like.name, like.type) for like in columns)
    return given.table_valued(*named).render_derived("given", with_types=True)


def among(like: ColumnClause[Any], parameter: str) -> ColumnElement[bool]:
    """Whether a column holds one of the values in this parameter, a list."""
    return like == any_(bindparam(parameter, type_=ARRAY(like.type)))
