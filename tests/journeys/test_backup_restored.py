"""A backup of the running installation is put back the day after: the real processes, the operator's own commands.

The receiver's record is what counts: it must not grow by what it has already got.
"""

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from notifier.core.message import Submission
from notifier.store.ledger import read_ledger
from notifier.store.messages import Message
from notifier.store.views import list_messages
from notifier.store.workspaces import pauses
from tests.processes import NOTIFIER, SECRET, System, system
from tests.standins.sendgrid import SendGrid


def notifier(folder: Path, *words: str) -> str:
    """One command as the operator of this installation types it."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SECRET_KEY": SECRET,
        "DATABASE_URL": f"sqlite:///{folder}/var/notifier.db",
    }
    done = subprocess.run(
        [NOTIFIER, *words], cwd=folder, env=environ, text=True, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def arrives(started: System, name: str) -> None:
    data = {
        "application": {"id": name},
        "candidate": {"id": f"c-{name}", "first_name": "Ana", "email": f"{name}@example.org"},
        "job": {"id": "j1", "title": "Backend engineer"},
        "stage": {"id": "s1", "name": "Applied", "kind": "applied"},
    }
    event = {"type": "application.changed", "timestamp": datetime.now(UTC).isoformat(), "data": data}
    status, _ = started.post("generic", json.dumps(event).encode(), f"evt-{name}")
    assert status == 200


def messages(started: System) -> list[Message]:
    with started.db.read() as tx:
        return [view.message for view in list_messages(tx, None, limit=100)]


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.1)


def test_m04_what_left_after_the_backup_is_not_sent_again(tmp_path: Path) -> None:
    with SendGrid(key="SG.key") as receiver:
        settings = {
            "MAIL_PROVIDER": "sendgrid",
            "SENDGRID_API_KEY": "SG.key",
            "SENDGRID_API_URL": receiver.url,
            "MAIL_FROM": "Example Co <jobs@example.com>",
        }

        def received() -> Counter[str]:
            return Counter(mail.to for mail in receiver.mails)

        with system(tmp_path, **settings) as started:
            arrives(started, "told-before")
            until(lambda: received() == {"told-before@example.org": 1})
            notifier(tmp_path, "pause")
            arrives(started, "told-after")
            until(lambda: any(row.state is Submission.SCHEDULED for row in messages(started)))
            notifier(tmp_path, "db", "backup", str(tmp_path / "copy.db"))
            notifier(tmp_path, "resume")
            until(lambda: received()["told-after@example.org"] == 1)
        told = received()

        var = tmp_path / "var"
        for file in var.glob("notifier.db*"):
            file.unlink()
        shutil.copy(tmp_path / "copy.db", var / "notifier.db")

        with system(tmp_path, **settings) as started:
            with started.db.read() as tx:
                assert [row.why.partition(" ")[0] for row in pauses(tx)] == ["restored_from_backup"]
            arrives(started, "new")
            until(lambda: len(messages(started)) == 3)
            time.sleep(7)  # more than a period of the relay
            assert received() == told, "paused: nothing leaves before anybody has looked"

            rested = json.loads(notifier(tmp_path, "db", "restored", "--json"))
            assert rested == {"held": 2, "in_doubt": 0, "leaving": 0}
            notifier(tmp_path, "resume")
            time.sleep(7)
            assert received() == told, "nothing is sent again by itself"

            newest = max(messages(started), key=lambda row: row.created_at)
            notifier(tmp_path, "message", "approve", newest.id)
            until(lambda: received() == told + Counter({"new@example.org": 1}))
            with started.db.read() as tx:
                assert read_ledger(tx, full=True).violations == ()
