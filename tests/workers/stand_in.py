"""A worker over made-up work, as a process: `stand_in.py URL FOLDER`.

Files in FOLDER/todo are worked off one a batch, a tenth of a second each, into FOLDER/done.
"""

import sys
import time
from pathlib import Path

from notifier.core.ports import Job
from workers import jobs
from workers.queues import RedisQueue
from workers.signals import Stop
from workers.worker import listen


def main(url: str, folder: Path) -> None:
    """Work until stopped; a file `ready` says when, `stopped` that it ended by itself."""

    def batch() -> int:
        found = sorted((folder / "todo").iterdir())
        for file in found[:1]:
            time.sleep(0.1)
            file.rename(folder / "done" / file.name)
        return len(found[:1])

    stop, queue = Stop(), RedisQueue(url)
    stop.listen()
    jobs.bind(jobs.Bench({Job.PLAN: batch, Job.SEND: lambda: 0}, queue.nudge, queue.taken, stop))
    queue.nudge(Job.PLAN)
    (folder / "ready").touch()
    listen(url, stop=stop, alive=lambda: None)
    (folder / "stopped").touch()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
