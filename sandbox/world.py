"""Everything one running sandbox owns."""

import time
from dataclasses import dataclass, field

from sandbox.bell import Bell
from sandbox.easel import Easel
from sandbox.gallery import Gallery
from sandbox.holds import Holds
from sandbox.journal import Journal
from sandbox.ledger import Ledger
from sandbox.plan import Plan
from sandbox.settings import Settings
from sandbox.shelf import Shelf
from sandbox.throttle import Throttle


@dataclass(slots=True)
class World:
    """The parts that calls and the control API share."""

    initial: Settings
    bell: Bell
    ledger: Ledger
    holds: Holds
    shelf: Shelf = field(default_factory=Shelf)
    gallery: Gallery = field(default_factory=Gallery)
    easel: Easel = field(default_factory=Easel)
    settings: Settings = field(init=False)
    plan: Plan = field(init=False)
    throttle: Throttle = field(init=False)

    def __post_init__(self) -> None:
        self.configure(self.initial)

    @classmethod
    def create(cls, settings: Settings, journal: Journal) -> "World":
        """A world with these settings, that goes on where the journal ends."""
        bell = Bell()
        return cls(settings, bell, Ledger(journal, bell), Holds(bell))

    def configure(self, settings: Settings) -> None:
        """Take these settings from now on; buckets are full, dice and scripts begin anew."""
        self.settings = settings
        self.plan = Plan(settings)
        self.throttle = Throttle(settings, time.monotonic)

    def reset(self) -> None:
        """Be as at the start: nothing in the ledger, everybody released, the first settings."""
        self.holds.clear()
        self.ledger.clear()
        self.shelf.clear()
        self.gallery.clear()
        self.configure(self.initial)
