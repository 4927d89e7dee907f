"""Who can be asked for everything that changed, and by what: a puller of its own, or the questions of its adapter."""

from notifier.flow.parts import Flow
from notifier.pull.by_question import ByQuestion
from notifier.pull.port import Puller
from notifier.pull.registry import puller_for, puller_names


def pullable(flow: Flow) -> tuple[str, ...]:
    """The ATSs that can be asked, in alphabetical order."""
    by_question = (name for name, adapter in flow.adapters.items() if adapter.lists_changes)
    return tuple(sorted({*puller_names(), *by_question}))


def puller_of(flow: Flow, ats: str) -> Puller:
    """What asks this ATS, which is one of `pullable`."""
    puller = puller_for(ats)
    if puller is not None:
        return puller
    adapter = flow.adapters[ats]
    assert adapter.api is not None  # whoever lists changes can be asked
    return ByQuestion(adapter.name, adapter.title, adapter.api, flow.asker, adapter.changes, adapter.page)
