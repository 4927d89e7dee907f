"""The checker: what was owed, from the ATS's side, against what arrived, from the receiver's own record.

It asks neither the product nor its database. An application is owed one message as soon as the webhook that brings it
about was answered with 200; the ATS notes that as *acknowledged*, with the address. The receiver writes every mail down
before it answers. So a message that is not in the record was lost, and one that is there twice was sent twice, whatever
anybody believes. What the product believes is looked at afterwards (`beliefs`), and must agree.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.history import rows

#: Counts of `notifier ledger` that are 0 when everybody has been told.
NOTHING_LEFT = ("pending", "held", "in_doubt", "open", "received", "asking", "quarantined")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`acknowledged` applications, how many of them got exactly one mail, and the addresses for which that is not so.

    `uninvited` got a mail although no webhook about them was acknowledged.
    """

    acknowledged: int
    once: int
    lost: tuple[str, ...]
    twice: tuple[str, ...]
    uninvited: tuple[str, ...]

    @property
    def faults(self) -> list[str]:
        """One line for each kind of fault; empty if all is well."""
        found = (
            ("lost", self.lost),
            ("sent twice", self.twice),
            ("sent although nobody acknowledged a webhook", self.uninvited),
        )
        return [f"{len(who)} {words}: {', '.join(who[:10])}" for words, who in found if who]


def judge(history: Path, record: Path) -> Verdict:
    """Compare the ATS's acknowledged webhooks with the mails that were taken."""
    owed = {row["owes"] for row in rows(history) if row["what"] == "acknowledged" and row.get("owes")}
    arrived = Counter(_to(row) for row in rows(record))
    return Verdict(
        acknowledged=len(owed),
        once=sum(arrived[to] == 1 for to in owed),
        lost=tuple(sorted(owed - arrived.keys())),
        twice=tuple(sorted(to for to, times in arrived.items() if times > 1)),
        uninvited=tuple(sorted(arrived.keys() - owed)),
    )


def beliefs(ledger: Mapping[str, Any], exit_code: int, messages: int) -> list[str]:
    """What is wrong with the product's own ledger at the end; `messages` applications were told of."""
    faults = [f"law {one['law']} is broken by {one['subject']}" for one in ledger["violations"]]
    faults += [f"the ledger counts {ledger[name]} {name}" for name in NOTHING_LEFT if ledger[name]]
    if ledger["told"] != ledger["outcomes"]:
        faults.append(f"the ledger counts {ledger['told']} told of {ledger['outcomes']} outcomes")
    if ledger["applications"] != messages:
        faults.append(f"the ledger counts {ledger['applications']} applications of {messages}")
    if exit_code and not faults:
        faults.append(f"the ledger ended with exit code {exit_code}")
    return faults


def _to(row: Mapping[str, Any]) -> str:
    return str(row["payload"]["personalizations"][0]["to"][0]["email"])
