"""An API to work with: one elsewhere, the running stack of the home, or a stack of the command's own."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

from darkroom.cli.caller import command
from darkroom.cli.client import Client
from darkroom.cli.ending import CliError, Exit, Interrupted
from darkroom.cli.environment import Environment
from darkroom.cli.hosting import hosted
from darkroom.cli.stack import Layout, Staff, guest_book, key_path, local_key
from darkroom.cli.terminal import Terminal
from darkroom.local.errors import StackRunning
from darkroom.local.home import Home
from darkroom.local.patience import until
from darkroom.local.stack import Stack
from darkroom.local.state import Running

PATIENCE = 300.0
"""Seconds for which a running command waits for an API that went away."""

RESTART_SECONDS = 30.0
"""How long the API of a stack that runs may take to be there again."""

ELSEWHERE_SECONDS = 2.0
"""How long a command waits for an API elsewhere that it has never heard."""

START_SECONDS = 90.0
OTHER_SECONDS = 5.0
"""How long another stack may take from its lock to its first word."""

LEAVE_SECONDS = 5.0
WAIT_SECONDS = 0.2

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with; `own` if the stack ends with it, `sandbox` if that draws the images."""

    client: Client
    stopping: Event
    own: bool
    sandbox: bool

    def wait(self, seconds: float) -> None:
        """Wait so long.

        Raises:
            Interrupted: a signal came.
        """
        if self.stopping.wait(seconds):
            raise Interrupted

    def hold(self, batch_id: str) -> None:
        """Hold a batch if its stack ends with this command; one that has ended meanwhile needs no holding."""
        if self.own:
            with suppress(CliError):
                self.client.pause(batch_id, "held")

    def heed(self) -> None:
        """Raises Interrupted if a signal came."""
        self.wait(0)


@dataclass(frozen=True, slots=True)
class Visit:
    """How a command wants its API: with which staff, on which focus, and what it does when interrupted.

    With `lasting` it does not work on the stack that another command started for itself; without `start`
    it starts none. `leave` is called while the API still answers, and says how to come back.
    """

    staff: Staff = Staff.DESK
    focus: str | None = None
    start: bool = True
    lasting: bool = False
    leave: Callable[[Session], str] = lambda _session: "interrupted"


@dataclass(frozen=True, slots=True)
class _Door:
    """An API that is not ours to start; for how long it is waited for at first, and what helps if in vain."""

    url: str
    key: str
    patience: float
    fix: str


def attend(
    environment: Environment,
    terminal: Terminal,
    work: Callable[[Session], Result],
    visit: Visit | None = None,
) -> Result:
    """Do the work with the API elsewhere, the running stack, or a stack started for it.

    Raises:
        CliError: there is no API to be had, or the work failed.
        Interrupted: a signal came; what was begun stays durable.
        LocalError: the stack cannot be started.
    """
    visit = visit or Visit()
    if environment.api_url and environment.api_key:
        key = environment.api_key.get_secret_value()
        return _work_here(
            _elsewhere(environment.api_url, key), terminal, work, visit, sandbox=False
        )
    for last in (False, False, True):
        if running := _settled(environment, terminal, visit):
            return _work_with(running, environment, terminal, work, visit)
        if not visit.start:
            fix = f"start one with `{command('up')}`"
            raise CliError(f"no stack is running on {environment.home}; {fix}")
        try:
            return _work_beside(environment, terminal, work, visit)
        except StackRunning:  # another one was faster, and has not written down yet who it is
            if last:
                raise
            until(lambda: Stack.running(environment.root) is not None, OTHER_SECONDS)
    raise AssertionError("the last try returns or raises")


def _settled(environment: Environment, terminal: Terminal, visit: Visit) -> Running | None:
    """The running stack, ready and good for this visit; None if there is none (any more)."""
    while running := _ready_stack(environment):
        if not (visit.lasting and _is_guest(running, environment)):
            break
        several = f"for several at a time keep `{command('up')}` running"
        other = f"another darkroom command (pid {running.pid}) has a stack of its own in {environment.home}"
        if not visit.start:
            raise CliError(f"{other}; wait until it ends, or {several}")
        terminal.notice(f"{other}: waiting until it ends; {several}")
        while running.supervisor.alive:
            time.sleep(WAIT_SECONDS)
    return running


def _ready_stack(environment: Environment) -> Running | None:
    """The running stack as soon as it is ready, None if there is none or it ends before.

    Raises:
        CliError: it takes too long.
    """

    def found() -> Running | None:
        return Stack.running(environment.root)

    running = found()
    if not until(lambda: found() is None or _is_ready(environment), START_SECONDS):
        pid = running.pid if running else "unknown"
        message = f"the stack of {environment.home} (pid {pid}) does not become ready"
        raise CliError(f"{message}; stop it with Ctrl-C and start it again", Exit.STOPPED)
    return found()


def _work_with(
    running: Running,
    environment: Environment,
    terminal: Terminal,
    work: Callable[[Session], Result],
    visit: Visit,
) -> Result:
    sandbox = running.sandbox_url is not None
    if sandbox and environment.openai_api_key is not None:
        terminal.notice(
            "the running stack was started without OPENAI_API_KEY and uses the sandbox; "
            "for real images stop it and start it again"
        )
    try:
        key = local_key(environment)
    except OSError as error:
        message = f"the key of the running stack cannot be read: {key_path(environment)}: "
        raise CliError(f"{message}{error.strerror}; work as its owner") from error
    return _work_here(
        _restarting(running, environment, key), terminal, work, visit, sandbox=sandbox
    )


def _elsewhere(url: str, key: str) -> _Door:
    fix = "see that it runs there, and that DARKROOM_API_URL is where it is"
    return _Door(url, key, ELSEWHERE_SECONDS, fix)


def _restarting(running: Running, environment: Environment, key: str) -> _Door:
    """A stack that runs starts its API again when that ends."""
    log = Home(environment.root).log("api")
    fix = f"its stack (pid {running.pid}) starts it again: try once more, and look at {log}"
    return _Door(running.api_url, key, RESTART_SECONDS, fix)


def _is_guest(running: Running, environment: Environment) -> bool:
    book = guest_book(environment)
    return book.exists() and book.read_text(encoding="ascii") == str(running.pid)


def _is_ready(environment: Environment) -> bool:
    running = Stack.running(environment.root)
    return running is not None and running.ready and key_path(environment).exists()


def _work_here(
    door: _Door,
    terminal: Terminal,
    work: Callable[[Session], Result],
    visit: Visit,
    *,
    sandbox: bool,
) -> Result:
    stopping = Event()
    with Client(
        door.url,
        door.key,
        patience=PATIENCE,
        first=door.patience,
        fix=door.fix,
        stopping=stopping,
        say=terminal.notice,
    ) as client:
        session = Session(client, stopping, own=False, sandbox=sandbox)
        try:
            return work(session)
        except KeyboardInterrupt:
            stopping.set()
            raise Interrupted(visit.leave(session)) from None


def _work_beside(
    environment: Environment,
    terminal: Terminal,
    work: Callable[[Session], Result],
    visit: Visit,
) -> Result:
    layout = Layout(environment, visit.staff, visit.focus)
    terminal.notice(f"starting a local stack in {environment.home} …")
    stopping = Event()
    own = hosted(layout, lambda line: _relay(terminal, line), guest=True)
    with ThreadPoolExecutor(1) as hand, own as stack:
        key, say = local_key(environment), terminal.notice
        with Client(stack.urls.api, key, patience=PATIENCE, stopping=stopping, say=say) as client:
            session = Session(client, stopping, own=True, sandbox=layout.sandbox)
            return _tended(stack, hand.submit(work, session), session, visit)


def _relay(terminal: Terminal, line: str) -> None:
    """News of the stack, without its everyday comings and goings."""
    if not line.startswith(("starting ", "stopping ")):
        terminal.notice(line)


def _tended(stack: Stack, working: Future[Result], session: Session, visit: Visit) -> Result:
    """The work's result, the stack kept alive meanwhile; the work is in a thread, as the stack has this one."""
    done = Event()
    working.add_done_callback(lambda _: done.set())
    try:
        if not stack.run_until_signal(done):
            return working.result()
        session.stopping.set()
        if done.wait(LEAVE_SECONDS) and working.exception() is None:
            return working.result()
        raise Interrupted(visit.leave(session))
    finally:
        session.stopping.set()
