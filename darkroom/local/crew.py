"""All children of a stack, and the order in which they come and go."""

from collections.abc import Callable, Iterator, Sequence

from darkroom.local.child import Child
from darkroom.local.home import Home
from darkroom.local.keeper import Keeper
from darkroom.local.patience import until
from darkroom.local.plan import Service
from darkroom.local.trace import Trace


class Crew:
    """The servers (database, broker) and the services that live on them."""

    def __init__(self, home: Home, say: Callable[[str], None]) -> None:
        self._home = home
        self._say = say
        self._servers: list[Keeper] = []
        self._services: list[Keeper] = []

    @property
    def traces(self) -> tuple[Trace, ...]:
        """Who runs now."""
        keepers = [*self._servers, *self._services]
        running = [(one.name, one.child.pid) for one in keepers if one.child.alive]
        return tuple(Trace.of(name, pid) for name, pid in running if pid)

    def serve(self, server: Service) -> None:
        """Start a server; those started last are stopped first."""
        self._servers.append(self._started(server))

    def work(self, service: Service, heed: Callable[[], None]) -> None:
        """Start a service; one that runs once is waited for.

        Raises:
            StackFailed: It runs once and did not end well.
        """
        keeper = self._started(service)
        if service.restart:
            self._services.append(keeper)
            return
        try:
            keeper.child.wait_ready(heed)
        finally:
            keeper.child.stop()

    def wait_ready(self, heed: Callable[[], None]) -> None:
        """Wait for all that has been started.

        Raises:
            StackFailed: One ended or was not ready in time.
        """
        for keeper in (*self._servers, *self._services):
            keeper.child.wait_ready(heed)

    def tend(self) -> bool:
        """Start again what has died; whether anything happened."""
        news = [one.tend() for one in (*self._servers, *self._services)]
        for line in filter(None, news):
            self._say(line)
        return any(news)

    def stop(self, hurried: Callable[[], bool]) -> None:
        """End all: what drains first and together, then each service in turn, the servers last.

        What is still needed by others is kept running meanwhile. Once `hurried` the services are
        killed; the servers always end by themselves.
        """
        for group in self._service_groups():
            self._services = [one for one in self._services if one not in group]
            self._stop_group(group, hurried)
        while self._servers:
            self._stop_group([self._servers.pop()], lambda: False)

    def _service_groups(self) -> Iterator[Sequence[Keeper]]:
        draining = [one for one in self._services if one.child.service.drains]
        yield draining
        yield from ([one] for one in self._services if one not in draining)

    def _stop_group(self, group: Sequence[Keeper], hurried: Callable[[], bool]) -> None:
        if not group:
            return
        if not hurried():
            self._say(f"stopping {', '.join(one.name for one in group)}")
            for keeper in group:
                keeper.child.send(keeper.child.service.stop_signal)
            grace = max(keeper.child.service.grace_seconds for keeper in group)
            until(lambda: hurried() or self._ended(group), grace)
        for keeper in group:
            keeper.child.kill()

    def _ended(self, group: Sequence[Keeper]) -> bool:
        self.tend()
        return not any(keeper.child.alive for keeper in group)

    def _started(self, service: Service) -> Keeper:
        self._say(f"starting {service.name}")
        child = Child(service, self._home.log(service.name))
        child.start()
        return Keeper(child)
