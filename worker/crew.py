"""A worker's threads beside its calls: clock, readers of files, postman, broom, heartbeat, ear, heirs."""

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from darkroom.blobs import StorageFailed
from darkroom.domain.clock import HEARTBEAT, Stopwatch
from darkroom.domain.waiting import WaitingFor
from darkroom.limits import LimiterAway
from darkroom.pictures import Glances
from darkroom.store import jobs, leases, workers
from darkroom.store.hints import About, Listener
from darkroom.store.session import StoreAway, StoreBusy, transaction
from darkroom.telemetry.logs import logger
from worker import permits
from worker.budget import keep_budgets
from worker.check import check
from worker.conclude import conclude
from worker.deliver import deliver
from worker.dispatch import dispatch
from worker.exhibit import exhibit
from worker.finalize import finalize
from worker.ingest import ingest, ingest_lone, ingest_small
from worker.inherit import inherit, salvage
from worker.notice import note_all
from worker.pulse import TICK, Pulse, Rung
from worker.reap import reap
from worker.rehearse import rehearse
from worker.schedule import schedule
from worker.sweep import sweep
from worker.tools import Tools

BREATH = 0.05
"""Seconds between two looks however much is hinted."""

STEP, LONGEST_STEP = 0.01, 0.25
"""Seconds by which a crowd follow each other to what only one of them can read, and the most of it."""

STALLED_AFTER = 60.0
"""Seconds without a turn after which a clock stands still; a transaction takes no longer than that."""

DRAIN_TRIES = 5

HEIRS = 4
"""Of what others left behind, so many are settled at once: a host that hangs holds up few."""

Verb = Callable[[Tools], int]


@dataclass(frozen=True, slots=True)
class Chore:
    """A verb of the clock: done again `pause` seconds after a hint at the soonest, and each tick anyway."""

    act: Verb
    pause: float


DISPATCH = "dispatch"

CHORES: Mapping[str, Chore] = {
    DISPATCH: Chore(dispatch, BREATH),
    "budget": Chore(keep_budgets, TICK),
    "salvage": Chore(salvage, TICK),
    "reap": Chore(reap, TICK),
    "finalize": Chore(finalize, TICK / 10),
    "conclude": Chore(conclude, TICK / 4),
}


class Timetable:
    """When each chore is due; seconds of the stopwatch."""

    def __init__(self, now: Stopwatch, pulse: Pulse) -> None:
        self._now, self._pulse = now, pulse
        self._soonest = dict.fromkeys(CHORES, 0.0)
        self._due = dict.fromkeys(CHORES, 0.0)

    def patience(self) -> float:
        """How long nothing is due if nobody hints."""
        return max(min(self._due.values()) - self._now(), 0)

    def hint(self, rung: Rung) -> None:
        """There may be something to do: each chore is due as soon as it may be.

        What all have overheard needs one of them: a crowd that acts at once stands in its own way. A job that
        is due needs to be handed out and nothing else.
        """
        now = self._now()
        for name in (DISPATCH,) if rung is Rung.DUE else CHORES:
            pause = self._pulse.spread(CHORES[name].pause) if rung is Rung.OVERHEARD else 0
            self._due[name] = min(self._due[name], max(self._soonest[name], now + pause))

    def due(self) -> list[str]:
        """The chores that are due now: what hands out jobs, and the others as long as they have been due."""
        now = self._now()
        due = [name for name in CHORES if self._due[name] <= now]
        return sorted(due, key=lambda name: (name != DISPATCH, self._due[name]))

    def late(self, name: str) -> float:
        """How long this chore has been due; 0 for one that nobody waited for."""
        return max(self._now() - self._due[name], 0.0) if self._due[name] else 0.0

    def done(self, name: str) -> None:
        """This chore was done just now."""
        self._soonest[name] = self._now() + CHORES[name].pause
        self._due[name] = self._now() + self._pulse.tick()


class Crew:
    """Starts and ends the threads; what one of them meets never ends it, for the night goes on without us."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._pulse = Pulse(tools.stopwatch, tools.draw)
        self._over = threading.Event()
        self._submitted = threading.Event()
        self._brought = threading.Event()
        self._asked = threading.Event()
        self._posted = threading.Event()
        duties = {
            "clock": self._run_clock,
            "ingest": lambda: self._run_hinted(
                self._submitted, ingest=ingest, schedule=schedule, exhibit=exhibit
            ),
            "ingest-small": lambda: self._run_hinted(self._brought, ingest=ingest_small),
            "ingest-lone": lambda: self._run_hinted(self._asked, ingest=ingest_lone),
            "deliver": lambda: self._run_hinted(self._posted, deliver=deliver),
            "heartbeat": self._run_heartbeat,
            "sweep": self._run_sweep,
            "check": self._run_check,
            "ear": self._run_ear,
            **{f"heir-{number}": self._run_heir for number in range(HEIRS)},
        }
        self._threads = [
            threading.Thread(target=run, name=f"darkroom-{name}", daemon=True)
            for name, run in duties.items()
        ]

    def start(self) -> None:
        """Says that this worker lives, and starts its threads."""
        self._guarded("heartbeat", self._beat)
        for thread in self._threads:
            thread.start()
        self._guarded("prime", permits.prime)
        self._guarded("rehearse", rehearse)

    def drain(self) -> None:
        """Takes nothing new: what was handed to this worker and has not begun goes back in one statement."""
        self._tools.draining.set()
        for _ in range(DRAIN_TRIES):
            if self._guarded("drain", self._give_back):
                return
            self._over.wait(TICK)

    def stop(self) -> None:
        """Ends the threads; the last lease was let go before."""
        self._over.set()
        self._tools.wake.ring()
        self._call_readers()
        self._posted.set()
        self._guarded("leave", self._leave)
        for thread in self._threads:
            thread.join(timeout=TICK * 2)

    def _give_back(self, tools: Tools) -> int:
        with transaction(tools.engine) as connection:
            workers.rest(connection, tools.name)
            return jobs.give_back(connection, tools.holdings.tickets(), HEARTBEAT * 0)

    def _leave(self, tools: Tools) -> int:
        with transaction(tools.engine) as connection:
            workers.leave(connection, tools.name)
        return 1

    def _guarded(self, name: str, verb: Verb) -> bool:
        """Runs a verb once, and says whether it ran; its trouble is logged and it is asked again later."""
        begun_at = self._tools.stopwatch()
        done = self._done(name, verb)
        self._tools.meter.duty(name, self._tools.stopwatch() - begun_at, failed=not done)
        return done

    def _done(self, name: str, verb: Verb) -> bool:
        log = logger("worker")
        try:
            if number := verb(self._tools):
                self._pulse.quicken()
                log.debug("done", action=name, number=number)
        except StoreBusy as busy:
            log.warning("the database is busy", action=name, reason=str(busy))
        except StoreAway as away:
            self._tools.holdings.outage_at = self._tools.stopwatch()
            log.warning("the database is away", action=name, reason=str(away))
        except (StorageFailed, LimiterAway) as away:
            log.warning("away", action=name, reason=str(away))
        except Exception:
            log.exception("failed", action=name)
        else:
            return True
        return False

    def _run_clock(self) -> None:
        """Hints are listened to between two chores, so that what hands out jobs waits for one at most."""
        timetable = Timetable(self._tools.stopwatch, self._pulse)
        while not self._over.is_set():
            if rung := self._tools.wake.wait(timetable.patience()):
                timetable.hint(rung)
            self._tools.holdings.turned_at = self._tools.stopwatch()
            for name in timetable.due()[:1]:
                self._tools.meter.begun(timetable.late(name))
                if name != DISPATCH or not self._tools.draining.is_set():
                    self._guarded(name, CHORES[name].act)
                timetable.done(name)

    def _run_hinted(self, hint: threading.Event, **verbs: Verb) -> None:
        """What may take long, as it reads files or asks strangers: one after the other, away from the clock."""
        while not self._over.is_set():
            hint.wait(self._pulse.tick())
            hint.clear()
            for name, verb in verbs.items():
                if not self._tools.draining.is_set():
                    self._guarded(name, partial(_and_again, hint, verb))

    def _run_sweep(self) -> None:
        while not self._over.wait(self._pulse.tick()):
            if not self._tools.draining.is_set():
                self._guarded("sweep", sweep)

    def _run_check(self) -> None:
        with Glances() as glances:
            while not self._over.wait(self._pulse.tick()):
                if not self._tools.draining.is_set():
                    self._guarded("check", lambda tools: check(tools, glances))

    def _run_heir(self) -> None:
        while not self._over.is_set():
            self._guarded("inherit", inherit)

    def _run_heartbeat(self) -> None:
        while not self._over.wait(HEARTBEAT.total_seconds()):
            self._guarded("heartbeat", self._beat)

    def _beat(self, tools: Tools) -> int:
        self._look_at_the_clock(tools)
        held = _held(tools)
        if held:
            self._guarded("permits", permits.renew)
        stuck = tools.holdings.is_stuck
        slots = 0 if stuck or tools.draining.is_set() else tools.slots
        if stuck:
            note_all(tools, WaitingFor.STORAGE, "answers in hand wait until they can be stored")
        with transaction(tools.engine) as connection:
            workers.beat(connection, tools.name, slots, list(tools.upstreams), tools.focus)
            self._pulse.crowd = workers.crowd(connection, tools.name)
            return leases.renew(connection, held) if held else 0

    @staticmethod
    def _look_at_the_clock(tools: Tools) -> None:
        """Says so of a clock that stands still: this worker's calls go on, and other workers' clocks turn."""
        turned_at = tools.holdings.turned_at
        if turned_at is None or tools.stopwatch() - turned_at < STALLED_AFTER:
            return
        logger("worker").error(
            "the clock of this worker stands still: it hands out and repairs nothing",
            action="clock_stalled",
            seconds=round(tools.stopwatch() - turned_at),
            fix="look at what the chore before it waits for, and start this worker again",
        )

    def _run_ear(self) -> None:
        """Hears hints; without them the clock still looks by itself."""
        while not self._over.is_set():
            try:
                with closing(Listener(self._tools.engine)) as listener:
                    self._listen(listener)
            except StoreAway:
                self._over.wait(TICK)
            except Exception:  # noqa: BLE001 - said aloud; without this thread hints would be lost
                logger("worker").exception("failed", action="listen")
                self._over.wait(TICK)

    def _listen(self, listener: Listener) -> None:
        while not self._over.is_set():
            about = listener.wait(TICK)
            if about:
                self._pulse.quicken()
            if About.JOBS in about:
                self._tools.wake.overhear()
            if About.LISTS in about:
                self._over.wait(min(self._pulse.spread(STEP) - STEP, LONGEST_STEP))
                self._call_readers()

    def _call_readers(self) -> None:
        for hint in (self._submitted, self._brought, self._asked):
            hint.set()


def _and_again(hint: threading.Event, verb: Verb, tools: Tools) -> int:
    """Who has found something to do looks at once whether there is more."""
    if number := verb(tools):
        hint.set()
    return number


def _held(tools: Tools) -> list[UUID]:
    """The attempts that this process answers for: its own, and those it took over."""
    return [*tools.holdings.attempts(), *tools.estate.attempts()]
