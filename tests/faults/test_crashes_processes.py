"""C09, C11 and C25: workers are told to stop or killed in the middle of a call, and nobody can write a log any more."""

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.core.message import Submission
from notifier.flow import conclude
from notifier.store import submission
from notifier.store.database import Database
from notifier.store.ledger import read_ledger
from notifier.store.views import list_messages
from tests.faults.children import end_of, wait_until
from tests.faults.site import arrival, site
from tests.processes import SECRET, System, system
from tests.standins.behaviours import Delay
from tests.standins.sendgrid import SendGrid
from workers import supervisor


def test_c09_told_to_stop_in_mid_send_it_finishes_and_ends_in_time(sqlite_url: str, tmp_path: Path) -> None:
    with site(tmp_path, sqlite_url) as installed:
        installed.receiver.always(Delay(1.0))
        installed.arrive("c09-", 3)
        with installed.worker() as worker:
            wait_until(lambda: installed.receiver.answering("c09-0@"))
            began = time.monotonic()
            os.kill(worker.pid or 0, signal.SIGTERM)
            assert end_of(worker, supervisor.WORKER) == 0
            assert time.monotonic() - began < supervisor.WORKER / 2
        with installed.system.db.read() as tx:
            states = [view.message.state for view in list_messages(tx, None, limit=10)]
        assert Submission.SENDING not in states, "what it had in its hands is finished"
        assert Submission.ACCEPTED in states
        installed.receiver.always(None)
        with installed.worker():
            installed.all_arrive_once()


def worker_of(started: System) -> int:
    """The process id of the worker that the supervisor keeps; 0 while there is none."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            words = (status.parent / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has just ended
        if parent == started.process.pid and b"workers.main" in words:
            return int(status.parent.name)
    return 0


def test_c11_killed_by_the_kernel_in_mid_call_it_is_started_again_and_never_repeats_the_call(tmp_path: Path) -> None:
    with SendGrid(key="SG.key") as receiver:
        settings = {"MAIL_PROVIDER": "sendgrid", "SENDGRID_API_KEY": "SG.key", "SENDGRID_API_URL": receiver.url}
        with system(tmp_path, MAIL_FROM="Example Co <jobs@example.com>", **settings) as started:
            receiver.then(Delay(20.0))
            first = worker_of(started)
            assert first > 0
            assert started.post("generic", arrival("c11"), "c11")[0] == 200
            wait_until(lambda: receiver.mails)
            os.kill(first, signal.SIGKILL)  # as the kernel does when memory runs out
            wait_until(lambda: worker_of(started) not in (0, first))
            assert started.post("generic", arrival("c11-next"), "c11-next")[0] == 200
            wait_until(lambda: len(receiver.mails) == 2)
        later = Database(f"sqlite:///{tmp_path}/var/notifier.db", secrets=[SECRET], clock=after_the_lease)
        with later.begin() as tx:
            assert conclude.reap(tx) == 1
        with later.read() as tx:
            states = {view.application.external_id: view.message.state for view in list_messages(tx, None)}
            assert read_ledger(tx).violations == ()
        later.dispose()

    assert states == {"c11": Submission.IN_DOUBT, "c11-next": Submission.ACCEPTED}
    assert sorted(mail.to for mail in receiver.mails) == ["c11-next@example.org", "c11@example.org"]


def after_the_lease() -> datetime:
    return datetime.now(UTC) + submission.LEASE + timedelta(seconds=1)


def test_c25_with_a_full_disk_for_logs_the_service_goes_on(sqlite_url: str, tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with site(tmp_path, sqlite_url, logs=full, LOG_LEVEL="INFO") as installed, installed.worker(), installed.relay():
        installed.arrive("c25-", 5)
        installed.redis.kill()  # which everybody logs
        installed.arrive("c25-later-", 3)
        installed.all_arrive_once()
