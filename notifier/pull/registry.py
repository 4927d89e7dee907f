"""Which ATSs can be asked: those that have a file in `notifier.pull.ats`.

There is no list to maintain. A module is imported only when its ATS is asked, and then one puller serves the process,
because it keeps the access tokens.
"""

import importlib
import pkgutil
from functools import cache

from notifier.pull import ats as folder
from notifier.pull.port import Puller


def puller_names() -> tuple[str, ...]:
    """The ATSs that can be asked, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(folder.__path__)))


@cache
def puller_for(ats: str) -> Puller | None:
    """The puller of the ATS called `ats`; `None` if it cannot be asked.

    Raises TypeError if the file breaks the convention.
    """
    if ats not in puller_names():
        return None
    module = importlib.import_module(f"{folder.__name__}.{ats}")
    made = getattr(module, "Puller", None)
    if made is None:
        raise TypeError(f"{module.__name__} has no class named Puller")
    puller: Puller = made()
    if puller.name != ats:
        raise TypeError(f"{module.__name__} calls its puller {puller.name!r}; name it as its file")
    return puller
