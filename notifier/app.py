"""The only assembler: everything is put together here and handed down, nothing below reads the configuration."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config import Config
from notifier.core.ports import Clock, Queue
from notifier.deliver.email import Email, ProviderSettings
from notifier.deliver.registry import open_provider
from notifier.deliver.template import Library
from notifier.flow.parts import Flow, Settings
from notifier.ingest.registry import adapters
from notifier.logs import configure
from notifier.pull.asked import AtsAsker
from notifier.store.database import Database
from notifier.store.mailbox import keep_mail

if TYPE_CHECKING:
    from flask import Flask


def open_database(config: Config, *, clock: Clock | None = None) -> Database:
    """The configured database."""
    return Database(config.database_url, secrets=config.secret_ring, clock=clock)


def create_flow(config: Config, queue: Queue, *, clock: Clock | None = None) -> Flow:
    """All parts of the flow, and the logs of this process. `clock` replaces the database's own, for tests."""
    configure(config.log_level, config.log_format)
    db = open_database(config, clock=clock)
    environment = urlsplit(config.base_url).hostname or ""

    def keep(email: Email, mime: bytes) -> None:
        with db.begin() as tx:
            keep_mail(tx, email.workspace, email.mid, to=email.to_address, subject=email.subject, mime=mime)

    provider = open_provider(
        config.mail_provider,
        ProviderSettings(
            sendgrid_api_key=config.sendgrid_api_key,
            sendgrid_api_url=config.sendgrid_api_url,
            smtp_url=config.smtp_url,
            environment=environment,
            keep=keep,
        ),
    )
    return Flow(
        db=db,
        queue=queue,
        clock=db.clock,
        adapters=adapters(),
        library=Library(config.templates_folder),
        provider=provider,
        callers=ThreadPoolExecutor(max_workers=provider.in_flight, thread_name_prefix="caller"),
        asker=AtsAsker(),
        settings=Settings(
            base_url=config.base_url,
            shadow=config.sending == "shadow",
            mail_from_address=config.mail_from_address,
            mail_from_name=config.mail_from_name,
            message_id_domain=config.mail_from_address.rpartition("@")[2],
            environment=environment,
            mail_rate=config.mail_rate or 0.0,
            event_keys={"sendgrid": config.sendgrid_events_public_key},
            reply_keys={"sendgrid": tuple(filter(None, [config.sendgrid_replies_public_key]))},
        ),
    )


def create_app(config: Config, queue: Queue, *, clock: Clock | None = None) -> "Flask":
    """The web application. `app.extensions["flow"]` is its flow."""
    # Workers and relays assemble a flow too, and need not carry Flask.
    from notifier.web.app import make_app

    return make_app(
        create_flow(config, queue, clock=clock),
        secret_keys=config.secret_ring,
        trusted_hosts=config.trusted_hosts,
        base_url=config.base_url,
    )
