"""A child that does not outlive its parent: `python -I -S tether.py PARENT COMMAND...`.

A supervisor that is killed cannot stop its children, and a redis-server or gunicorn that nobody stops keeps its port.
On Linux the kernel can send them SIGTERM at that moment; a process has to ask for it itself, so this file asks and then
becomes the command. (Asking between fork and exec would do too, but that is not safe beside threads.) Elsewhere it only
becomes the command.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

#: From linux/prctl.h.
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, whose id is the first argument, and become the command in the others."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(1)  # it died before it could be watched
    os.execvp(command[0], command)  # noqa: S606 - the command is our own


def tethered(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` tied to this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


if __name__ == "__main__":
    main()
