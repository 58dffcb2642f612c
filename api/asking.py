"""What is asked under a key, so that the same again can be told from another."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked, by whom, and the key that names it."""

    project_id: str
    key: str
    fingerprint: bytes
    repeatable: bool = False
    """The key is made from the request alone: who asks the same again on purpose means another."""
    repeated: bool = False
    """The client says that it has sent this before."""
