"""Which mail providers tell us what became of a mail: those that have a file in `notifier.deliver.feedback`.

There is no list to maintain. A provider's module is imported only when somebody asks for it. Sending and hearing are
two folders, because they are two things: SMTP sends and reports nothing here, and what was sent through a provider
yesterday is still reported when another one sends today.
"""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from notifier.core.feedback import Report
from notifier.deliver import feedback


class Feedback(Protocol):
    """How one provider's posts are believed and read. Pure: bytes in, nouns out.

    A module in `notifier.deliver.feedback` defines `open_feedback() -> Feedback`.
    """

    #: The word in the address that the provider posts to.
    name: str
    #: The HTTP status that tells the provider that a post arrived and need not come again.
    success: int

    def believe(self, headers: Mapping[str, str], body: bytes, keys: Sequence[str], now: datetime) -> bool:
        """Whether the provider itself made this post. `headers` have lower-case names; several `keys` are a rotation.

        Total: any bytes and any header give an answer, nothing raises.
        """

    def read(self, body: bytes) -> Sequence[Report]:
        """What a believed post says, in its order. A single odd event becomes a report with `Heard.OTHER`.

        Raises Unreadable if the post as a whole is not understood, and nothing else.
        """


def feedback_names() -> tuple[str, ...]:
    """The providers that report, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(feedback.__path__)))


def feedback_for(name: str) -> Feedback | None:
    """The feedback of the provider called `name`; `None` if it has none here.

    Raises TypeError if the file does not call it as itself.
    """
    if name not in feedback_names():
        return None
    module = importlib.import_module(f"{feedback.__name__}.{name}")
    opened: Feedback = module.open_feedback()
    if opened.name != name:
        raise TypeError(f"{module.__name__} calls its feedback {opened.name!r}; name it as its file")
    return opened
