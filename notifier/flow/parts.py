"""What every verb of the flow needs, put together once by `notifier.app`."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from notifier.core.asking import Ask
from notifier.core.ports import Clock, Queue
from notifier.decide.rules import DEFAULTS, RuleBook
from notifier.decide.rules import load as load_rules
from notifier.deliver.email import Provider
from notifier.deliver.template import Library
from notifier.ingest.adapter import Adapter
from notifier.store.database import Database, Tx
from notifier.store.wording import current_rules


@dataclass(frozen=True, slots=True)
class Settings:
    """What the flow takes from the configuration.

    `shadow`: drafted, nothing leaves, whatever a source says. `environment` keeps staging and production apart at the
    provider. `message_id_domain` is ours. `mail_rate` is e-mails per second, 0 for no limit.
    `event_keys` and `reply_keys` are, by provider, the public keys that sign its reports and the mails it posts.
    """

    base_url: str
    shadow: bool
    mail_from_address: str
    mail_from_name: str
    message_id_domain: str
    environment: str
    mail_rate: float
    event_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reply_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flow:
    """The parts. Frozen, shared by every thread of a process. `callers` runs the calls of the provider; `asker` asks
    the ATSs for what their webhooks leave out."""

    db: Database
    queue: Queue
    clock: Clock
    adapters: Mapping[str, Adapter]
    library: Library
    provider: Provider
    callers: Executor
    asker: Ask
    settings: Settings

    def close(self) -> None:
        """Let calls in flight end, then close every connection."""
        self.callers.shutdown()
        self.provider.close()
        self.asker.close()
        self.db.dispose()


def rules_of(flow: Flow, tx: Tx, workspace_id: str) -> RuleBook:
    """The rules that count for a workspace now."""
    toml = current_rules(tx, workspace_id)
    return DEFAULTS if toml is None else load_rules(toml, template_keys(flow))


def template_keys(flow: Flow) -> list[str]:
    """The keys a rule may send."""
    return sorted({template.key for template in flow.library.all()})
