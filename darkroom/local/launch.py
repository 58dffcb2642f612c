"""Become another program that dies with its owner: run by path, before every child.

    launch.py DEATH_SIGNAL OWNER_PID IDENTITY COMMAND…

IDENTITY is `same:0:0`, `mapped:UID:GID` (this user under another number, in a user namespace) or
`dropped:UID:GID` (another user). It stands alone, so that it starts in ten milliseconds, and comes
last of all changes of identity, since each of them makes the kernel forget the death signal
(https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html).
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000


def become(kind: str, uid: int, gid: int) -> None:
    """Take on the identity for good."""
    if kind == "dropped":
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    elif kind == "mapped":
        enter_namespace(uid, gid)


def enter_namespace(uid: int, gid: int) -> None:
    """Be this uid and gid in a user namespace of our own; outside, files stay who we were."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1", encoding="ascii")


def die_with(owner: int, death_signal: int) -> None:
    """Ask the kernel for the signal; end here if the owner was quicker."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != owner:
        sys.exit("the owner is gone")


def main(death_signal: str, owner: str, identity: str, *command: str) -> None:
    """Become the command."""
    kind, uid, gid = identity.split(":")
    try:
        become(kind, int(uid), int(gid))
        die_with(int(owner), int(death_signal))
        # Python ignores it, and a program keeps what was ignored before it.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execv(command[0], command)  # noqa: S606 - no shell is meant
    except OSError as error:
        sys.exit(f"cannot run {command[0]} as {identity}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
