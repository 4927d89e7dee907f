"""What an ATS adapter is.

One module per ATS in `notifier.ingest.ats` defines one class named `Adapter` that satisfies `Adapter` below; the
module's docstring holds what is documented, what is only seen in code, and what is not confirmed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from notifier.core.change import Delivery, Event, Verdict


class Adapter(Protocol):
    """One ATS's protocol. Stateless and total: `verify` never raises, the two translations nothing but Unreadable."""

    #: The word in addresses, commands and the database: "greenhouse".
    name: str
    #: What people call it: "Greenhouse".
    title: str
    #: The status this ATS counts as success.
    success: int
    #: The status for a request that is not believed: 401, or 400 for an ATS that never retries a 401.
    refusal: int

    def new_secret(self) -> str:
        """A fresh secret in the form this ATS takes."""

    def check_secret(self, secret: str) -> None:
        """Raise ValueError, saying what is wrong, unless `secret` can be used with this ATS."""

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Believe or doubt the raw bytes. Any bytes give a verdict; without secrets everything is doubted."""

    def sign(self, body: bytes, secret: str, now: datetime, event_id: str) -> dict[str, str]:
        """The headers this ATS would send with `body`: for samples, the demo and tests."""

    def event_key(self, delivery: Delivery) -> str:
        """The same for every copy of one event, different for different events. Total: any believed bytes have one."""

    def translate(self, delivery: Delivery, received_at: datetime) -> Sequence[Event]:
        """What a believed delivery says. Raises Unreadable with the path of the field at fault."""

    def translate_pulled(self, body: bytes, received_at: datetime) -> Sequence[Event]:
        """What a record says that was read from the ATS (`notifier.pull`), in the same order as what deliveries say.

        Raises Unreadable with the path of the field at fault, and always for an ATS that is not pulled.
        """

    def samples(self) -> dict[str, bytes]:
        """Made-up bodies of the documented shape by name, for `notifier event send`."""
