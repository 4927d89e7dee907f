"""The supervisor: starts, starts again, stops in order, and takes its children with it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workers import supervisor, web
from workers.children import Child, Role
from workers.plan import Plan
from workers.signals import Stop

Start = Callable[..., "subprocess.Popen[str]"]
Eventually = Callable[..., None]

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
DEAF = [sys.executable, "-S", "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"]

SCRIPT = """
import sys
from workers.children import Role
from workers.signals import Stop
from workers.supervisor import say, supervise
stop = Stop()
stop.listen()
roles = [Role(name, [sys.executable, "-S", "-c", "import time; time.sleep(60)"], 5) for name in ("first", "second")]
sys.exit(supervise(roles, stop, say))
"""


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids(lines: list[str]) -> list[int]:
    return [int(line.partition("(pid ")[2].rstrip(")\n")) for line in lines if "(pid " in line]


def read_lines(process: "subprocess.Popen[str]", count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline() for _ in range(count)]


def test_children_are_stopped_in_their_order_and_the_exit_is_clean(start: Start) -> None:
    process = start("-c", SCRIPT)
    children = pids(read_lines(process, 2))

    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=5)[0]

    assert process.returncode == 0
    assert [line for line in rest.splitlines() if "stopped" in line] == [
        "notifier: first: stopped",
        "notifier: second: stopped",
    ]
    assert not any(alive(pid) for pid in children)


def test_a_killed_child_is_started_again_and_the_others_stay(start: Start) -> None:
    process = start("-c", SCRIPT)
    first, second = pids(read_lines(process, 2))

    os.kill(first, signal.SIGKILL)
    lines = read_lines(process, 2)

    assert "first: ended by SIGKILL, starts again in 0.5 s" in lines[0]
    assert pids(lines)[0] != first
    assert alive(second)
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 0


def test_children_end_with_a_supervisor_that_is_killed(start: Start, eventually: Eventually) -> None:
    process = start("-c", SCRIPT)
    children = pids(read_lines(process, 2))
    time.sleep(0.2)  # until they have tied themselves

    process.kill()

    if sys.platform == "linux":  # only there can a process ask to be told
        eventually(lambda: not any(alive(pid) for pid in children))


def test_the_supervisor_stays_small(start: Start) -> None:
    code = "import workers.supervisor; print(open('/proc/self/status').read())"
    out = start("-c", code).communicate(timeout=5)[0]

    kilobytes = int(out.partition("VmRSS:")[2].split()[0])
    assert kilobytes < 20_000


def test_a_child_that_dies_at_once_waits_longer_each_time() -> None:
    lines: list[str] = []
    child = Child(Role("broken", [sys.executable, "-S", "-c", "raise SystemExit(3)"], 1), lines.append)

    end = time.monotonic() + 5
    while sum("ended" in line for line in lines) < 3 and time.monotonic() < end:
        child.look_after()
        time.sleep(0.01)
    child.stop()

    endings = [line for line in lines if "ended" in line]
    assert endings == [f"broken: ended with 3, starts again in {pause} s" for pause in ("0.5", "1", "2")]


def test_a_child_that_does_not_stop_is_killed() -> None:
    lines: list[str] = []
    child = Child(Role("deaf", DEAF, 0.2), lines.append)
    child.start()
    time.sleep(0.3)

    child.stop()

    assert lines[-1] == "deaf: killed after 0.2 s"


def test_the_last_role_is_started_first_and_waited_for() -> None:
    lines: list[str] = []
    stop = Stop()
    looked: list[int] = []

    def ready() -> bool:
        looked.append(len(lines))
        return len(looked) == 3

    timer = threading.Timer(0.5, stop.ask)
    before = signal.getsignal(signal.SIGCHLD)
    timer.start()
    try:
        supervisor.supervise([Role("web", SLEEP, 2), Role("redis", SLEEP, 2)], stop, lines.append, ready=ready)
    finally:
        signal.signal(signal.SIGCHLD, before)
        timer.join()

    assert looked == [1, 1, 1]
    assert [line.partition(" (")[0] for line in lines] == [
        "redis: started",
        "web: started",
        "web: stopped",
        "redis: stopped",
    ]


def test_a_plan_with_a_redis_of_its_own_stops_it_last(tmp_path: Path) -> None:
    own = Plan(host="127.0.0.1", port=8000, processes=1, own_redis=True, var=str(tmp_path))
    given = Plan(host="127.0.0.1", port=8000, processes=1, own_redis=False, var=str(tmp_path))

    assert [role.name for role in supervisor.roles(own)] == ["web", "worker", "redis"]
    assert [role.name for role in supervisor.roles(given)] == ["web", "worker"]


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1"),
        ("http://localhost:8000", "127.0.0.1"),
        ("http://notifier.localhost", "127.0.0.1"),
        ("http://[::1]:8000", "127.0.0.1"),
        ("https://notify.example.com", "0.0.0.0"),
        ("https://203.0.113.7", "0.0.0.0"),
    ],
)
def test_only_a_public_address_is_listened_on_from_everywhere(base_url: str, host: str) -> None:
    assert web.host_for(base_url) == host
