"""As whom Postgres runs: it refuses root, and initdb refuses a user without a name."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from darkroom.local import launch
from darkroom.local.errors import IdentityRefused
from darkroom.local.home import Home

NOBODY = 65534
PROBE_SECONDS = 10


class Kind(StrEnum):
    """How a child's identity comes about, in the words of `launch`."""

    SAME = "same"
    MAPPED = "mapped"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom a child runs; uid and gid are its own names for itself."""

    kind: Kind = Kind.SAME
    uid: int = 0
    gid: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.uid}:{self.gid}"


SAME = Identity()


@dataclass(frozen=True, slots=True)
class PostgresBinary:
    """A directory of Postgres binaries, and the identity that can run them here."""

    folder: Path
    identity: Identity
    version: str


def launched(
    argv: Sequence[str], identity: Identity = SAME, death_signal: int = signal.SIGKILL
) -> list[str]:
    """The command line that runs `argv` under this identity and dies with this process."""
    shim = [sys.executable, "-I", "-S", launch.__file__]
    return [*shim, str(int(death_signal)), str(os.getpid()), str(identity), *argv]


def runnable_postgres(home: Home, binaries: Path) -> PostgresBinary:
    """The first way to run Postgres that works here, tried by asking for its version.

    Nothing outside the home is changed: where another user must run it, that user gets a copy of the
    binaries and the data directory, and the home lets others pass through (not look).

    Raises:
        IdentityRefused: No way is open.
    """
    refusals = []
    for identity in _candidates(home):
        folder = _given_to(identity, home, binaries) if identity.kind is Kind.DROPPED else binaries
        command = launched([str(folder / "postgres"), "--version"], identity)
        probe = subprocess.run(
            command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
        if probe.returncode == 0:
            _handed_over(home.pg, identity)
            return PostgresBinary(folder, identity, probe.stdout.split()[-1])
        refusals.append(probe.stderr.strip())
    raise IdentityRefused(os.geteuid(), "; ".join(refusals) or "it has no name in /etc/passwd")


def _candidates(home: Home) -> Iterator[Identity]:
    """Ourselves if Postgres lets us; else under another number; else as another user."""
    root = os.geteuid() == 0
    owner = home.pg.stat() if home.pg.exists() else None
    if root and owner and owner.st_uid != 0:
        yield Identity(Kind.DROPPED, owner.st_uid, owner.st_gid)
    elif not root and _named(os.geteuid()):
        yield SAME
    elif sys.platform == "linux":
        yield Identity(Kind.MAPPED, *_some_named_user())
    if root and (not owner or owner.st_uid == 0):
        yield Identity(Kind.DROPPED, NOBODY, NOBODY)


def _named(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return False


def _some_named_user() -> tuple[int, int]:
    for user in pwd.getpwall():
        if user.pw_uid not in {0, NOBODY}:
            return user.pw_uid, user.pw_gid
    return NOBODY, NOBODY


def _given_to(identity: Identity, home: Home, binaries: Path) -> Path:
    """Binaries that this other user can reach; the home lets it pass."""
    if wall := _wall(home.root.parent, identity.uid):
        reason = f"it cannot pass {wall}; a DARKROOM_HOME below /var/lib would do"
        raise IdentityRefused(identity.uid, reason)
    home.root.chmod(home.root.stat().st_mode | 0o011)
    return _copied(binaries, home) if _wall(binaries, identity.uid) else binaries


def _copied(binaries: Path, home: Home) -> Path:
    """The package and, beside it as in the wheel, its libraries: they are found from the binary."""
    package = binaries.parents[1]
    copy = home.root / "pgbin"
    if not copy.exists():
        fresh = home.root / "pgbin.new"
        shutil.rmtree(fresh, ignore_errors=True)
        for folder in package.parent.glob(f"{package.name}*"):
            if not folder.name.endswith(".dist-info"):
                shutil.copytree(folder, fresh / folder.name, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(mode | (0o055 if mode & 0o100 else 0o044))
        fresh.rename(copy)
    return copy / binaries.relative_to(package.parent)


def _wall(folder: Path, uid: int) -> Path | None:
    """The first directory on the way down that this user may not pass."""
    for step in (*reversed(folder.parents), folder):
        status = step.stat()
        if not status.st_mode & (0o100 if status.st_uid == uid else 0o001):
            return step
    return None


def _handed_over(data: Path, identity: Identity) -> None:
    """Make an existing data directory this user's."""
    if identity.kind is Kind.DROPPED and data.exists() and data.stat().st_uid != identity.uid:
        for path in (*data.rglob("*"), data):
            os.chown(path, identity.uid, identity.gid, follow_symlinks=False)
