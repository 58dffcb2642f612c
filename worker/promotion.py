"""Promotion: a batch of finals is filled with what was approved, chunk by chunk, each a short transaction."""

from darkroom.domain.batchfile import Draft
from darkroom.domain.problem import BadInput, Problem
from darkroom.domain.request import Resolver
from darkroom.domain.review import Approved, Target, promoted
from darkroom.store import hints, intake, promotions, reviews
from darkroom.store.batches import Validating
from darkroom.store.session import Transaction, transaction
from worker.tools import Tools

NOTHING = "no approved draft is left that was not promoted to this before; approve more"


class Filling:
    """One pass over the drafts; whoever goes on after a crash finds those that are promoted already."""

    def __init__(self, tools: Tools, claim: Validating) -> None:
        assert claim.promoted_from is not None
        self._tools, self._claim, self._root = tools, claim, claim.promoted_from
        self._target = Target.of(claim.options[promotions.TARGET])
        self._resolver = Resolver(tools.models_of(claim.provider))
        self._place = promotions.START
        self._problems: list[Problem] = []

    def fill(self) -> int:
        """Adds every final and opens the batch; counts them.

        Raises:
            BadInput: there is none.
            IngestLost: somebody else does this now, or the batch was cancelled.
        """
        while self._chunk():
            pass
        with transaction(self._tools.engine) as connection:
            number = promotions.size_of(connection, self._claim.id)
            if number:
                intake.accept(connection, self._claim, self._problems)
                hints.ring(connection)
        if not number:
            raise BadInput(self._problems or [Problem("nothing_to_promote", NOTHING)])
        return number

    def _chunk(self) -> int:
        with transaction(self._tools.engine) as connection:
            family = reviews.family_of(connection, self._root)
            found = promotions.approved(
                connection,
                family,
                self._target,
                after=self._place,
                limit=promotions.CHUNK,
                hold=True,
            )
            self._add(connection, found)
        if found:
            self._place = (found[-1].line, found[-1].job_id)
        return len(found)

    def _add(self, connection: Transaction, found: list[Approved]) -> None:
        drafts: list[Draft] = []
        taken: list[int] = []
        for one in found:
            made = promoted(one, self._target, self._resolver)
            if isinstance(made, Draft):
                drafts.append(made)
                taken.append(one.job_id)
            else:
                self._problems += made
        intake.add_jobs(connection, self._claim, drafts)
        promotions.note(connection, self._claim.id, self._target, taken)
