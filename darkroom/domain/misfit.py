"""What is wrong with a value that does not fit its place: pydantic's findings in plain words, with the fix."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args, get_origin

from pydantic_core import ErrorDetails

from darkroom.domain.suggestion import hint, nearest_word

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "missing": "it is missing; add it",
        "model_type": "it must be a table",
        "model_attributes_type": "it must be a table",
        "dict_type": "it must be a table: keys with their values",
        "mapping_type": "it must be a table",
        "list_type": "it must be a list; write [ … ]",
        "tuple_type": "it must be a list; write [ … ]",
        "string_type": "it must be text; put it in quotes",
        "string_sub_type": "it must be text; put it in quotes",
        "bool_type": "it must be true or false, without quotes",
        "bool_parsing": "it must be true or false",
        "int_type": "it must be a whole number, without quotes",
        "int_parsing": "it must be a whole number such as 30",
        "int_from_float": "it must be a whole number such as 30",
        "int_parsing_size": "it is too large a number",
        "float_type": "it must be a number such as 2.5",
        "float_parsing": "it must be a number such as 2.5",
        "decimal_type": 'it must be an amount such as "12.50"',
        "decimal_parsing": 'it must be an amount such as "12.50", with a point and no other sign',
        "finite_number": "it must be a finite number",
        "decimal_max_places": "it has more than {decimal_places} digits behind the point; round it",
        "decimal_max_digits": "it has more than {max_digits} digits; write a smaller one",
        "decimal_whole_digits": "it has more than {whole_digits} digits before the point; write a smaller one",
        "greater_than": "it must be more than {gt}",
        "greater_than_equal": "it must be {ge} or more",
        "less_than": "it must be less than {lt}",
        "less_than_equal": "it must be {le} or less",
        "string_too_short": "it is too short; write {min_length} or more characters",
        "string_too_long": "it is too long; write {max_length} characters at most",
        "too_short": "it has too few entries; give {min_length} or more",
        "too_long": "it has too many entries; give {max_length} at most",
        "enum": "it is not one of its values; write {expected}",
        "literal_error": "it is not one of its values; write {expected}",
        "path_type": "it must be the path of a file, in quotes",
        "date_type": "it must be a day such as 2026-12-01",
        "date_parsing": "it must be a day such as 2026-12-01",
        "date_from_datetime_parsing": "it must be a day such as 2026-12-01",
        "datetime_type": 'it must be a time such as "2026-11-23T06:00:00Z"',
        "datetime_parsing": 'it must be a time such as "2026-11-23T06:00:00Z"',
        "datetime_from_date_parsing": 'it must be a time such as "2026-11-23T06:00:00Z"',
        "timezone_aware": 'it has no time zone; write one behind it, as in "2026-11-23T06:00:00Z"',
        "uuid_parsing": "it is no id",
        "json_invalid": "it is not JSON: {error}",
    }
)


def fix_of(
    name: object,
    kind: str,
    message: str,
    context: Mapping[str, Any] | None = None,
    known: Collection[str] = (),
) -> str:
    """What to do about an error of pydantic's under this name; `known` are those that could be meant.

    >>> fix_of("workers", "greater_than", "Input should be greater than 0", {"gt": 0})
    'it must be more than 0'
    >>> fix_of("bugdet", "extra_forbidden", "Extra inputs are not permitted", known=["budget", "name"])
    'unknown key; the nearest is budget'
    """
    if kind == "extra_forbidden":
        return f"unknown key{hint(nearest_word(str(name), sorted(known))) or '; remove it'}"
    if kind in _WORDS:
        return _WORDS[kind].format(**(context or {}))
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def fix_in(kind: Any, error: ErrorDetails) -> str:
    """What to do about something that pydantic found in a table of this kind."""
    *path, name = error["loc"] or ("",)
    known = names_at(kind, [step for step in path if step != "[key]"])
    return fix_of(name, error["type"], error["msg"], error.get("ctx"), known)


def names_at(kind: Any, path: Sequence[str | int]) -> Collection[str]:
    """The keys of the table that this path leads to, from a table of this kind; none where it leads to none."""
    fields = getattr(kind, "model_fields", None)
    if fields is not None:
        if not path:
            return tuple(fields)
        found = fields.get(str(path[0]))
        return names_at(found.annotation, path[1:]) if found else ()
    if get_origin(kind) is dict:
        return names_at(get_args(kind)[1], path[1:]) if path else ()
    rest = path[1:] if path and isinstance(path[0], int) else path
    return next((names for one in get_args(kind) if (names := names_at(one, rest))), ())
