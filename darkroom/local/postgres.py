"""PostgreSQL from a wheel: made once, listening on the loopback, stopped cleanly."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from darkroom.local.binaries import postgres_bin
from darkroom.local.child import Child
from darkroom.local.errors import DiskFull, StackFailed, WrongVersion
from darkroom.local.home import Home, Secrets, write_private
from darkroom.local.identity import Kind, PostgresBinary, launched, runnable_postgres
from darkroom.local.plan import Service
from darkroom.local.ports import LOCALHOST
from darkroom.local.trace import started

DATABASE = "darkroom"
INITDB_SECONDS = 120
STATUS_LINE = 7
"""Of postmaster.pid, counted from 0 (`LOCK_FILE_LINE_PM_STATUS` in miscadmin.h)."""

SETTINGS = {
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One server and its data under a home; the port must be free.

    Without `durable` a crash of the machine may lose data: for tests.
    """

    def __init__(self, home: Home, port: int, *, durable: bool = True) -> None:
        self._home = home
        self._port = port
        self._settings = SETTINGS if durable else SETTINGS | CARELESS
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return self.url_for(DATABASE)

    def url_for(self, database: str) -> str:
        """The URL of a database of this server, with the password."""
        password = Secrets(self._home).token("postgres")
        return f"postgresql://postgres:{password}@{LOCALHOST}:{self._port}/{database}"

    def prepare(self) -> Service:
        """Make the data directory if there is none, and say how to serve it.

        Raises:
            DiskFull, WrongVersion, IdentityRefused, BinaryMissing, StackFailed: As they say.
        """
        binary = runnable_postgres(self._home, postgres_bin())
        if not self._home.pg.exists():
            self._initdb(binary)
        self._check_version(binary.version)
        self._disown_recycled_pid()
        return self._service(binary)

    def start(self) -> None:
        """Serve, with the database made; returns when it accepts connections."""
        self._child = Child(self.prepare(), self._home.log("postgres"))
        self._child.start()
        self._child.wait_ready()
        self.create_database(DATABASE)

    def stop(self) -> None:
        """End it within moments, with everything committed on disk."""
        if self._child:
            self._child.stop()

    def create_database(self, name: str, template: str = "template1") -> None:
        """Make a database, a copy of the template, unless there is one of this name."""
        with self._connected() as connection:
            known = "SELECT FROM pg_database WHERE datname = %s"
            if connection.execute(known, [name]).rowcount == 0:
                create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))

    def _connected(self) -> psycopg.Connection:
        try:
            return psycopg.connect(self.url_for("postgres"), autocommit=True)
        except psycopg.OperationalError as error:
            fix = f"restore {self._home.secrets / 'postgres'}, or move {self._home.pg} away"
            raise StackFailed("postgres", "does not let us in", str(error), fix) from error

    def _service(self, binary: PostgresBinary) -> Service:
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        address = ["-h", LOCALHOST, "-p", str(self._port)]
        return Service(
            name="postgres",
            argv=(str(binary.folder / "postgres"), "-D", str(self._home.pg), *address, *options),
            env={"LC_ALL": "C"},
            ready=self._accepts,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            grace_seconds=60,
            cwd=self._home.pg,
            identity=binary.identity,
        )

    def _accepts(self) -> bool:
        """As pg_ctl sees it, without a connection that the server's log would complain of."""
        lines = pid_lines(self._home.pg)
        if len(lines) <= STATUS_LINE or lines[STATUS_LINE].strip() != "ready":
            return False
        pid = int(lines[0])
        return pid != os.getpid() and started(pid) is not None

    def _initdb(self, binary: PostgresBinary) -> None:
        """Made aside and moved into place, so that a data directory is whole or not there."""
        if shutil.disk_usage(self._home.root).free < DiskFull.NEEDED:
            raise DiskFull(self._home.root)
        nursery = self._home.root / "pg.new"
        shutil.rmtree(nursery, ignore_errors=True)
        nursery.mkdir(mode=0o700)
        password = nursery / "password"
        write_private(password, Secrets(self._home).token("postgres"))
        if binary.identity.kind is Kind.DROPPED:
            for path in (nursery, password):
                os.chown(path, binary.identity.uid, binary.identity.gid)
        self._run_initdb(binary, nursery / "data", password)
        (nursery / "data").rename(self._home.pg)
        shutil.rmtree(nursery)

    def _run_initdb(self, binary: PostgresBinary, data: Path, password: Path) -> None:
        options = ["--auth=scram-sha-256", f"--pwfile={password}", "--username=postgres"]
        options += ["--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
        command = [str(binary.folder / "initdb"), "-D", str(data), *options]
        made = subprocess.run(
            launched(command, binary.identity),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=data.parent,
            env={**os.environ, "LC_ALL": "C"},
            timeout=INITDB_SECONDS,
            start_new_session=True,
            check=False,
        )
        if made.returncode != 0:
            raise self._initdb_failure(made.stdout.decode("utf-8", "replace"))

    def _initdb_failure(self, output: str) -> DiskFull | StackFailed:
        if "No space left on device" in output:
            return DiskFull(self._home.root)
        return StackFailed(
            "initdb", "could not make a database", output.strip(), "see what it says"
        )

    def _check_version(self, version: str) -> None:
        found = (self._home.pg / "PG_VERSION").read_text(encoding="ascii").strip()
        ours = version.partition(".")[0]
        if found != ours:
            raise WrongVersion(self._home.pg, found, ours)

    def _disown_recycled_pid(self) -> None:
        """Let Postgres see past a lock file whose pid belongs to another program by now.

        It takes its parent's pid for a left-over of the parent's, and, unlike when the file is
        removed, still looks whether the shared memory named in it is in use (`CreateLockFile`).
        """
        path = self._home.pg / "postmaster.pid"
        lines = pid_lines(self._home.pg)
        if lines:
            path.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n", encoding="utf-8")


def pid_lines(data: Path) -> list[str]:
    """The lock file of a data directory, by line; empty if there is none."""
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
