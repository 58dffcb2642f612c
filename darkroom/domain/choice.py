"""What a retry is for: failures by their class, and images that were rejected."""

from collections.abc import Iterable
from dataclasses import dataclass

from darkroom.domain.failure import FailureClass

REJECTED = "rejected"
"""The word for images that a person or a check has rejected: they are paid for, and made anew."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The jobs that a retry was asked for by name."""

    classes: tuple[FailureClass, ...] = ()
    rejected: bool = False

    @classmethod
    def of(cls, words: Iterable[str]) -> "Choice":
        """What these words name.

        Raises:
            ValueError: one names nothing.

        >>> Choice.of(["moderation", "rejected"]).words
        ('moderation', 'rejected')
        """
        said = tuple(words)
        classes = tuple(FailureClass(word) for word in said if word != REJECTED)
        return cls(classes, REJECTED in said)

    @property
    def words(self) -> tuple[str, ...]:
        """The same as it is written down."""
        words = tuple(klass.value for klass in self.classes)
        return (*words, REJECTED) if self.rejected else words
