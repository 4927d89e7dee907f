"""`notifier up`, `python -m workers.supervisor`: everything on one machine, with one command.

Prepares (in a process that ends again), starts a private redis-server where none is configured, then web and a worker
that is the relay too, starts again what dies, and stops them in the order in which work flows: first nothing comes in,
then what is in hand is finished, Redis last. It imports nothing but the standard library and stays small.

On more than one machine the same processes are started by whatever runs them there; nothing needs this one.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from workers import embedded, web
from workers.children import Child, Role
from workers.plan import Plan
from workers.signals import Stop
from workers.tether import tethered

#: Seconds between two looks; a child that ends wakes the supervisor at once.
LOOK = 5.0

#: Seconds the parts get for finishing: open requests; one batch against a slow provider; nothing.
WEB, WORKER, REDIS = web.GRACE + 5.0, 60.0, 5.0

#: glibc gives every thread an arena of its own to allocate from; two are enough here and save memory.
ENVIRON = {"MALLOC_ARENA_MAX": "2"}


def say(line: str) -> None:
    """One line about one process, at once."""
    print(f"notifier: {line}", flush=True)


def prepare(stop: Stop) -> Plan | int:
    """Check the configuration and migrate the database; the plan, or the exit code if something is wrong."""
    command = tethered([sys.executable, "-m", "workers.prepare"])
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own module
        while process.poll() is None:
            if stop.wait(0.05):
                process.terminate()  # it may be waiting for the database
                process.wait()
        answer, _ = process.communicate()
    return Plan(**json.loads(answer)) if process.returncode == 0 else abs(process.returncode)


def roles(plan: Plan) -> list[Role]:
    """What to run, in the order of stopping. Raises NoRedisServer if one is needed and there is none."""
    found = [
        Role("web", web.command(plan.host, plan.port, plan.processes), WEB),
        Role("worker", [sys.executable, "-m", "workers.main", "worker", "--with-relay"], WORKER),
    ]
    if plan.own_redis:
        here = embedded.place(Path(plan.var))
        embedded.make_room(here)
        found.append(Role("redis", embedded.command(embedded.find_server(), here), REDIS))
    return found


def up() -> int:
    """Run everything until SIGTERM or SIGINT; returns the exit code."""
    stop = Stop()
    stop.listen()
    plan = prepare(stop)
    if not isinstance(plan, Plan):
        return 0 if stop() else plan
    try:
        wanted = roles(plan)
    except embedded.NoRedisServer as fault:
        say(str(fault))
        return 1
    if plan.own_redis:
        here = embedded.place(Path(plan.var))
        return supervise(wanted, stop, say, ready=lambda: embedded.answers(here))
    return supervise(wanted, stop, say)


def supervise(
    wanted: Sequence[Role], stop: Stop, say: Callable[[str], None], *, ready: Callable[[], bool] | None = None
) -> int:
    """Keep `wanted` running until a stop is asked for, then stop them in their order; returns 0.

    The last one is what the others need: it is started first, and they wait (not long) until it is `ready`.
    """
    signal.signal(signal.SIGCHLD, lambda _number, _frame: stop.wake())
    children = [Child(role, say, environ=os.environ | ENVIRON) for role in wanted]
    try:
        if ready is not None:
            children[-1].start()
            _wait(ready, stop)
        while not stop():
            for child in children:
                child.look_after()
            stop.wait(min(LOOK, *(child.seconds_until_start() for child in children)))
    finally:
        for child in children:
            child.stop()
    return 0


def _wait(ready: Callable[[], bool], stop: Stop, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not stop() and not ready() and time.monotonic() < end:
        stop.wait(0.02)


if __name__ == "__main__":
    sys.exit(up())
