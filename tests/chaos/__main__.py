"""The chaos run.

    python -m tests.chaos [--database postgresql|sqlite] [--messages 1500] [--kills 300] [--seed N] [--minutes 60]

An ATS posts signed webhooks, a receiver answers like SendGrid on a bad day, people settle what only a person may, and a
nemesis kills every process again and again. It ends when all kills are done and everybody was told, or when the minutes
are over. Exit 1 if anything does not hold; then the folder with history, record and logs is kept. docs/chaos.md says
how to read what it prints.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import sqlalchemy as sa

from notifier.core.errors import DatabaseAway
from notifier.core.message import Submission
from notifier.store.messages import Message
from tests.chaos import report
from tests.chaos.ats import Ats
from tests.chaos.check import beliefs, judge
from tests.chaos.history import History
from tests.chaos.nemesis import HARMLESS, Nemesis
from tests.chaos.people import People
from tests.chaos.receiver import Receiver
from tests.chaos.system import System
from tests.processes import free_port

#: Seconds between two looks at how far it is, and between two lines about it.
LOOK, SAY = 1.0, 15.0

#: Seconds without any movement after which nothing more is waited for.
QUIET = 30.0


class Run:
    """One run in a folder of its own."""

    def __init__(self, options: argparse.Namespace, folder: Path, parts: ExitStack) -> None:
        self.options = options
        self.began = time.monotonic()
        self.broken: list[str] = []
        threading.excepthook = self.note_broken
        self.history = parts.enter_context(History(folder / "history.jsonl"))
        dice = random.Random(options.seed)
        port = free_port()
        events = f"http://127.0.0.1:{port}/hooks/mail/sendgrid/events"
        self.record = folder / "mails.jsonl"
        self.receiver = parts.enter_context(Receiver(self.record, events, self.history, dice))
        assert self.receiver.events is not None
        mail = {
            "MAIL_PROVIDER": "sendgrid",
            "SENDGRID_API_KEY": "SG.chaos",
            "SENDGRID_API_URL": self.receiver.url,
            "SENDGRID_EVENTS_PUBLIC_KEY": self.receiver.events.public_key,
            "MAIL_FROM": "Example Co <jobs@example.com>",
        }
        self.system = System(folder, options.database, self.history, port=port, mail=mail)
        parts.callback(self.system.stop)
        self.system.start()
        self.nemesis = Nemesis(
            self.system, self.history, random.Random(dice.random()), wanted=options.kills, progress=self.progress
        )
        self.ats = Ats(
            port,
            self.system.source,
            self.history,
            random.Random(dice.random()),
            messages=options.messages,
            allowed=self.allowed,
        )
        self.people = People(self.system, self.receiver, self.history)
        for actor in (self.people, self.ats, self.nemesis):
            parts.callback(actor.stop)
            actor.start()

    def note_broken(self, ended: threading.ExceptHookArgs) -> None:
        """A thread of the run itself has died of a fault: then nothing that follows proves anything."""
        sys.__excepthook__(ended.exc_type, ended.exc_value or ended.exc_type(), ended.exc_traceback)
        self.broken.append(f"a part of the run itself failed: {ended.exc_type.__name__}")

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self.began

    def progress(self) -> int:
        """Grows with every mail that is taken."""
        return len(self.receiver.mails)

    def allowed(self) -> int:
        """How many applications may be told of by now, so that there is work as long as there are kills."""
        return int(self.options.messages * (self.nemesis.kills + 1) / max(1, self.options.kills))

    def states(self) -> Counter[str]:
        """The product's messages by state; empty while its database is away."""
        try:
            with self.system.flow.db.read() as tx:
                query = sa.select(Message.state, sa.func.count()).group_by(Message.state)
                return Counter({str(state): number for state, number in tx.session.execute(query)})
        except DatabaseAway:
            return Counter()

    def at_rest(self, states: Counter[str]) -> bool:
        """All kills done, every webhook and event taken, and no message that still has to move."""
        assert self.receiver.events is not None
        moving = states.total() - states[Submission.ACCEPTED] - states[Submission.CANCELLED]
        return self.nemesis.done and self.ats.done and not moving and self.receiver.events.idle(0)

    def wait(self) -> bool:
        """Until it is over, saying how far it is; false if the minutes are over before.

        It is over when everybody was told, or when nothing has moved for a while.
        """
        said = moved = 0.0
        while True:
            states = self.states()
            if not self.at_rest(states):
                moved = self.seconds
            elif states[Submission.ACCEPTED] == self.options.messages or self.seconds - moved > QUIET:
                return True
            if self.seconds > 60 * self.options.minutes:
                return False
            if self.seconds - said > SAY:
                said = self.seconds
                print(
                    f"{said:5.0f} s  {self.nemesis.kills} kills, {len(self.receiver.mails)} mails taken, messages: "
                    + ", ".join(f"{number} {state}" for state, number in sorted(states.items())),
                    flush=True,
                )
            time.sleep(LOOK)

    def faults(self, *, finished: bool) -> list[str]:
        """Everything that does not hold; the receiver's record comes first."""
        verdict = judge(self.history.path, self.record)
        print(f"\n{report.verdict_line(verdict)} ({self.options.database}, {self.seconds:.0f} s)")
        found = verdict.faults + self.broken
        if verdict.acknowledged != self.options.messages:
            found.append(f"only {verdict.acknowledged} of {self.options.messages} applications were acknowledged")
        ledger, code = self.system.ledger()
        found += beliefs(ledger, code, self.options.messages)
        if self.receiver.refused:
            found.append(f"{len(self.receiver.refused)} mails were such that SendGrid would not take them")
        if not finished:
            found.append(f"after {self.options.minutes} minutes it was not over")
        report.tell_of(self.system.flow, self.history, {*verdict.lost, *verdict.twice})
        return found

    def describe(self) -> None:
        """Print what happened."""
        assert self.receiver.events is not None
        kills = {kind: number for kind, number in self.nemesis.blows.items() if kind not in HARMLESS}
        others = {kind: number for kind, number in self.nemesis.blows.items() if kind in HARMLESS}
        posts = Counter(str(post.status or "no answer") for post in self.receiver.events.posts)
        print(report.counted("kills", kills))
        print(report.counted("other blows", others))
        print(report.counted("webhooks, by answer", {str(code or "none"): n for code, n in self.ats.answers.items()}))
        print(report.counted("receiver's bad answers", self.receiver.misfortunes))
        print(report.counted("event posts, by answer", posts))
        print(report.counted("deeds of people", self.people.deeds))
        found = report.doubts(self.system.flow)
        print(
            f"{'in doubt':<22} {found.messages} messages: {found.accepted} times settled by an event or a late answer, "
            f"{found.sent_again} times sent again"
        )


def chosen() -> argparse.Namespace:
    """The command line."""
    options = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    options.add_argument("--messages", type=int, default=1500)
    options.add_argument("--kills", type=int, default=300)
    options.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    options.add_argument("--seed", type=int, default=None, help="the same dice, but never the same run")
    options.add_argument("--minutes", type=float, default=60.0, help="give up after so long")
    options.add_argument("--keep", action="store_true", help="keep history, record and logs in any case")
    return options.parse_args()


def main() -> int:
    """Run, report, and say by the exit code whether everything holds."""
    options = chosen()
    options.seed = random.randrange(2**32) if options.seed is None else options.seed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"{options.messages} messages, {options.kills} kills, {options.database}, seed {options.seed}, {folder}")
    with ExitStack() as parts:
        run = Run(options, folder, parts)
        finished = run.wait()
        run.people.stop()
        faults = run.faults(finished=finished)
        run.describe()
    for fault in faults:
        print(f"DOES NOT HOLD: {fault}")
    if faults or options.keep:
        print(f"history, record and logs: {folder}")
    else:
        shutil.rmtree(folder)
        print("everything holds")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
