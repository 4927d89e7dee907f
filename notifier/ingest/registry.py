"""Which ATSs are supported: those that have a file in `notifier.ingest.ats`.

There is no list to maintain. A module without a class `Adapter`, or whose adapter is not named as its file, is a
mistake of whoever added it and stops the start.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from notifier.ingest import ats
from notifier.ingest.adapter import Adapter


@cache
def adapters() -> Mapping[str, Adapter]:
    """Every adapter by its name, in alphabetical order. Read once, then the same mapping for everybody."""
    names = sorted(module.name for module in pkgutil.iter_modules(ats.__path__))
    return MappingProxyType({name: _adapter(name) for name in names})


def _adapter(name: str) -> Adapter:
    """The adapter in the file `name`. Raises TypeError if the file breaks the convention."""
    module = importlib.import_module(f"{ats.__name__}.{name}")
    made = getattr(module, "Adapter", None)
    if made is None:
        raise TypeError(f"{module.__name__} has no class named Adapter")
    adapter: Adapter = made()
    if adapter.name != name:
        raise TypeError(f"{module.__name__} calls its adapter {adapter.name!r}; name it as its file")
    return adapter
