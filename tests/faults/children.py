"""Processes that cost no imports: children of one that has done them all.

Real workers and relays run in them, with the settings an operator would give, and the flow of `crash_points`, which
ends at a named moment.
"""

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from config import load

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["tests.faults.crash_points", "workers.worker", "notifier.web.app", "werkzeug.serving"])

#: Seconds after which a test no longer waits for a process.
LONG = 60.0


def worker(environ: Mapping[str, str]) -> None:
    """Be `notifier worker` until stopped."""
    from workers.worker import run

    run(load(environ))


def relay(environ: Mapping[str, str]) -> None:
    """Be `notifier relay` until stopped."""
    from workers.relay import run

    run(load(environ))


@contextlib.contextmanager
def child(target: Callable[..., None], *arguments: Any, log: Path | None = None) -> Iterator[BaseProcess]:
    """A process that runs `target(*arguments)`; killed at the end, if it lives. What it logs goes to `log`."""
    process = context.Process(target=_run, args=(log, target, *arguments), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join(LONG)
        process.close()


def _run(log: Path | None, target: Callable[..., None], *arguments: Any) -> None:
    if log is not None:
        with log.open("ab") as file:
            os.dup2(file.fileno(), 2)
    target(*arguments)


def end_of(process: BaseProcess, seconds: float = LONG) -> int:
    """The exit code of a process that ends by itself; minus the signal's number if one ended it."""
    process.join(seconds)
    assert process.exitcode is not None, "it still runs"
    return process.exitcode


def frozen(process: BaseProcess) -> bool:
    """Whether a SIGSTOP has reached it."""
    return Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"


def wait_until(true: Callable[[], object], seconds: float = LONG) -> None:
    """Return as soon as `true()` holds; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.02)
