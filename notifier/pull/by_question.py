"""Reading the changes of an ATS whose adapter words the questions: the `Puller` port over the `Ask` port."""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime

from notifier.core.asking import Answer, Answered, Api, Ask, Changed, Changes, Halted, Question
from notifier.core.errors import Unreadable
from notifier.pull.asking import SOON
from notifier.pull.port import Access, Later, Page, Pulled, Refused

_WRITTEN_TIME = re.compile(r"[0-9TZ:.+-]{1,40}")


class ByQuestion:
    """One ATS; `changes` words the question for a page and `page` reads the answer (`notifier.ingest.adapter`)."""

    def __init__(
        self,
        name: str,
        title: str,
        api: Api,
        asker: Ask,
        changes: Callable[[datetime, str], Question],
        page: Callable[[Answer], Changes],
    ) -> None:
        self.name = name
        self._title = title
        self._api = api
        self._asker = asker
        self._changes = changes
        self._page = page

    def page(self, access: Access, since: datetime, cursor: str, now: datetime) -> Page | Later | Refused:
        """One page of what changed at or after `since`. Total; see `notifier.pull.port`."""
        question = self._changes(since, cursor)
        asked = {"page": lambda answers: question if not answers else None}
        reports = list(self._asker.ask(self._title, self._api, access.api_key, access.api_url, asked, now))
        if not reports:
            return Later(now + SOON, f"{self._title}: no answer in time")
        report = reports[0]
        if isinstance(report, Answered):
            return self._read(report.answers[0], now)
        if isinstance(report, Halted) and report.until is None:
            return Refused(report.why)
        return Later(report.until if isinstance(report, Halted) and report.until else now + SOON, report.why)

    def _read(self, answer: Answer, now: datetime) -> Page | Later | Refused:
        if answer.status == 404:
            return Refused(f"{self._title}: 404 for the list of changes: is the address of the API right?")
        try:
            changes = self._page(answer)
        except Unreadable as fault:
            return Later(now + SOON, f"{self._title}: the list of changes is not understood ({fault})")
        return Page(tuple(map(_pulled, changes.records)), changes.cursor)


def _pulled(record: Changed) -> Pulled:
    digest = hashlib.sha256(record.body).hexdigest()[:16]
    written = record.moment if _WRITTEN_TIME.fullmatch(record.moment) else "-"
    subject = hashlib.sha256(record.subject.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Pulled(f"sweep:application:{subject}:{written}:{digest}", record.body, record.subject, record.began_at)
