"""`notifier event`: sample events of an ATS, signed and sent through HTTP as the ATS would send them."""

import http.client
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import click

from notifier.cli.context import Group, as_json, config, database
from notifier.cli.printing import show_list, show_one
from notifier.core.change import Delivery
from notifier.core.errors import Refused
from notifier.ingest.registry import adapters
from notifier.store import sources
from notifier.store.ids import token

#: Seconds. A webhook is answered in milliseconds; ATSs give up after about as long.
PATIENCE = 10.0


@click.group(cls=Group)
def event() -> None:
    """Sample events, signed as the ATS signs them."""


@event.command("list")
@as_json
def list_all(json_wanted: bool) -> None:
    """List the samples of every ATS."""
    records = [{"ats": name, "sample": one} for name, adapter in adapters().items() for one in adapter.samples()]
    show_list(records, ["ats", "sample"], json_wanted=json_wanted)


def _web_address(context: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    del context, parameter
    if given is None:
        return None
    try:
        parts = urlsplit(given)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise click.BadParameter(f"{given!r} is not an address that begins with http:// or https://")
    return given


@event.command()
@click.argument("sample")
@click.option("--source", "source_id", metavar="ID", required=True, help="Whose newest secret signs it.")
@click.option("--url", metavar="U", callback=_web_address, help="Where to, if not to the source's own address.")
@as_json
def send(sample: str, source_id: str, url: str | None, json_wanted: bool) -> None:
    """Sign SAMPLE as a new event and post it. Exit 1 unless it is answered with what this ATS counts as success."""
    with database() as db, db.read() as tx:
        source = sources.get_source(tx, None, source_id)
        secrets = sources.valid_secrets(tx, source.id)
        now = tx.now
    adapter = adapters()[source.ats]
    samples = adapter.samples()
    if sample not in samples:
        raise click.BadParameter(f"{adapter.title} has no {sample!r}; there are: {', '.join(samples)}")
    if not secrets:
        raise Refused(f"the source has no valid secret; run: notifier source rotate {source.id}")
    target = url or f"{config().base_url}/hooks/ats/{source.key}"
    delivery = adapter.signed(samples[sample], secrets[0].text, now, f"sample-{token(60)}")
    status = _post(target, delivery)
    show_one({"sample": sample, "source": source.id, "url": target, "status": status}, json_wanted=json_wanted)
    handshake = adapter.handshake(delivery)
    if status != (handshake.status if handshake is not None else adapter.success):
        raise click.exceptions.Exit(1)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing: an ATS would not either, and a signed body is for one address only."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """No further request: the redirect itself is the answer."""


def _post(target: str, delivery: Delivery) -> int:
    """The status of the answer. Raises Refused when there is none."""
    request = urllib.request.Request(target, delivery.body, delivery.headers, method="POST")  # noqa: S310 - only http and https get here
    try:
        with urllib.request.build_opener(_Stay()).open(request, timeout=PATIENCE) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as fault:
        with fault:
            return fault.code
    except (OSError, http.client.HTTPException) as fault:
        raise Refused(f"{target} gave no answer: {fault}") from fault
