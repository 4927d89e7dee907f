"""What there is to work off: one batch for every kind of job, and what follows from a kind at once.

Workers take large batches. A relay that works by itself takes small ones, so that its own heart goes on.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

from notifier.core.ports import Job
from notifier.flow.ask import ask_batch
from notifier.flow.hear import hear_batch
from notifier.flow.parts import Flow
from notifier.flow.plan import plan_batch
from notifier.flow.send import send_batch
from notifier.flow.sweep import sweep_batch
from workers.drain import Batch

#: A plan goes straight on to sending what became due: waiting for a second job would cost more than doing it.
THEN: Mapping[Job, Sequence[Job]] = MappingProxyType(
    {
        Job.PLAN: (Job.SEND,),
        Job.ASK: (Job.PLAN, Job.SEND),
        Job.SEND: (),
        Job.HEAR: (),
        Job.SWEEP: (Job.PLAN, Job.SEND),
    }
)


def batches(flow: Flow, *, items: int = 200, messages: int = 100) -> Mapping[Job, Batch]:
    """A batch for each kind of job: up to `items` webhooks or reports, `messages` e-mails, one page of a sweep."""
    return {
        Job.PLAN: partial(plan_batch, flow, items),
        Job.ASK: partial(ask_batch, flow),
        Job.SEND: partial(send_batch, flow, messages),
        Job.HEAR: partial(hear_batch, flow, items),
        Job.SWEEP: partial(sweep_batch, flow),
    }
