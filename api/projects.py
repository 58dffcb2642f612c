"""Which provider draws for which project, as the operator has set it up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from api.refusals import Invalid

USUAL = "default"
"""The project of whoever says nothing of projects; its administrators are the operator's own."""


@dataclass(frozen=True, slots=True)
class Projects:
    """The projects that were set up, and whom each may ask; one that was not may ask the usual provider."""

    usual: str
    allowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By project, its own provider first."""

    def provider(self, project_id: str, wanted: str | None) -> str:
        """Who draws a batch of this project that asks for this provider, or for none.

        Raises:
            Invalid: The project may not ask for it.

        >>> Projects("openai", {"shop": ("relay", "openai")}).provider("shop", None)
        'relay'
        """
        allowed = self.names(project_id)
        if wanted is None:
            return allowed[0]
        if wanted not in allowed:
            detail = f"project {project_id} may not ask for {wanted}; use {' or '.join(allowed)}"
            raise Invalid.field("provider", "provider_not_allowed", detail)
        return wanted

    def names(self, project_id: str) -> tuple[str, ...]:
        """The providers that a project may ask for, its own first."""
        return self.allowed.get(project_id, (self.usual,))

    def require(self, project_id: str) -> None:
        """Raises Invalid unless this project was set up: a key of a misspelt one would be another line's."""
        known = sorted({USUAL, *self.allowed})
        if project_id not in known:
            detail = f"there is no project {project_id} in darkroom.toml; use {' or '.join(known)}"
            raise Invalid.field("project", "project_unknown", detail)
