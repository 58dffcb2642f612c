"""What one table of `darkroom.toml` says of another must be there: said at the start, not in the night."""

from collections.abc import Collection, Mapping

from darkroom.domain.facts import Profile
from darkroom.domain.suggestion import hint, nearest_word
from darkroom.explanations import FILE
from darkroom.sections import ProjectSection, Source


def require_source(source: Source, profiles: Mapping[str, Profile], table: str) -> None:
    """Raises ValueError if a provider's table names a profile, a family or a quality that nobody knows."""
    _require(table, "profile", source.profile, profiles)
    models = profiles[source.profile].models
    for family in source.families:
        _require("", "families", family, models.families)
    for case in source.timeouts:
        _require_quality(f"{table}.timeouts".lstrip("."), case, models.qualities)


def require_projects(projects: Mapping[str, ProjectSection], providers: Collection[str]) -> None:
    """Raises ValueError if a project names a provider that nobody set up."""
    for name, project in projects.items():
        own = [("provider", project.provider)] if project.provider is not None else []
        for key, value in (*own, *(("providers", one) for one in project.providers)):
            _require(f"projects.{name}", key, value, providers)


def _require(table: str, key: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        place = f"table [{table}]" if table else "top level"
        choice = ", ".join(sorted(known))
        raise ValueError(f"{FILE}, {place}, key {key}, value {value}: unknown; choose {choice}")


def _require_quality(table: str, case: str, known: Collection[str]) -> None:
    """A time for a quality that no model has would be for nothing, and the calls that it is for cut short."""
    word = case.partition(" ")[0]
    if word[:1].isdigit() or word in known:
        return
    fix = hint(nearest_word(word, sorted(known))) or f"; write one of {', '.join(sorted(known))}"
    raise ValueError(f"{FILE}, table [{table}], key {case}: there is no quality {word}{fix}")
