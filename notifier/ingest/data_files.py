"""JSON files that lie beside the adapters: made-up samples and published schemas.

They are data, so they are kept as data; reading one is like importing a module, and works from an installed package.
"""

import json
from importlib import resources

from notifier.core.change import Delivery
from notifier.ingest import ats


def load(file_name: str) -> dict[str, object]:
    """The JSON object in the file `file_name` beside the adapters."""
    content: dict[str, object] = json.loads(resources.files(ats).joinpath(file_name).read_bytes())
    return content


def samples(ats_name: str) -> dict[str, Delivery]:
    """The bodies in `<ats_name>.samples.json` by name, compact and escaped as an ATS would send them.

    Where an ATS tells something in headers, a sample is an object of `headers` and `body`.
    """
    return {name: _delivery(sample) for name, sample in load(f"{ats_name}.samples.json").items()}


def _delivery(sample: object) -> Delivery:
    headers: dict[str, str] = {}
    if isinstance(sample, dict) and sample.keys() == {"headers", "body"}:
        headers, sample = sample["headers"], sample["body"]
    return Delivery(headers, json.dumps(sample, separators=(",", ":")).encode())
