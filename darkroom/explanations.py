"""What is wrong with a setting, in words that name its place and the fix and show no secret."""

from collections.abc import Collection, Iterable
from typing import Any

from pydantic_core import ErrorDetails

from darkroom.domain.misfit import fix_in
from darkroom.domain.problem import clipped
from darkroom.domain.suggestion import hint, nearest_word

FILE = "darkroom.toml"

_SECRET = ("key", "database_url", "redis_url", "broker_url", "storage_url")
_TABLES = ("families", "providers", "projects", "models", "profiles")


def variable_of(name: str) -> str:
    """The environment variable of a setting.

    >>> variable_of("home"), variable_of("openai_api_key")
    ('DARKROOM_HOME', 'OPENAI_API_KEY')
    """
    return name.upper() if name.lower().startswith("openai_") else f"DARKROOM_{name.upper()}"


def unknown_key(given: Iterable[str], known: Collection[str]) -> str | None:
    """What is wrong with the first key of the file's top level that nobody reads.

    >>> unknown_key(["workers", "image_per_minute"], ["workers", "images_per_minute"])
    'darkroom.toml, top level, key image_per_minute: unknown key; the nearest is images_per_minute'
    """
    strange = next((one for one in given if variable_of(one) not in map(variable_of, known)), None)
    if strange is None:
        return None
    near = nearest_word(strange, sorted(known))
    return f"{FILE}, top level, key {strange}: unknown key{hint(near) or '; remove it'}"


def explained(error: ErrorDetails, kind: Any) -> str:
    """One thing that pydantic found wrong with settings of this kind, as a person should read it."""
    fix = fix_in(kind, error)
    if not error["loc"]:
        return fix
    name = str(error["loc"][0])
    if name in _TABLES:
        return _explained_table(error, fix)
    variable = variable_of(name)
    if any(word in name.lower() for word in _SECRET):
        return f"{variable} cannot be used: {fix}"
    return f"{variable}={clipped(error['input'])} cannot be used: {fix}"


def _explained_table(error: ErrorDetails, fix: str) -> str:
    kind, *path = (str(step) for step in error["loc"] if step != "[key]")
    if len(path) < 2:  # noqa: PLR2004 - the table itself
        return f"{FILE}, table [{'.'.join((kind, *path))}]: {fix}"
    key = ".".join(path[1:])
    shown = "" if error["type"] == "missing" else f", value {clipped(error['input'])}"
    return f"{FILE}, table [{kind}.{path[0]}], key {key}{shown}: {fix}"
