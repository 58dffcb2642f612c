"""Run a command as root of a world that refuses user namespaces: without_namespaces.py COMMAND…"""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000


def map_all_users(pid):
    for kind in ("uid", "gid"):
        Path(f"/proc/{pid}/{kind}_map").write_text("0 0 65536")


def main(command):
    owner = os.getpid()
    wake, called = os.pipe()
    if not (writer := os.fork()):
        os.close(called)
        os.read(wake, 1)
        map_all_users(owner)
        os._exit(0)
    if ctypes.CDLL(None).unshare(CLONE_NEWUSER):
        sys.exit("user namespaces are refused already")
    os.write(called, b"x")
    if os.waitpid(writer, 0)[1]:
        sys.exit("cannot map users")
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
