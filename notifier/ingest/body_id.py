"""An event id that an ATS puts into the body instead of a header.

A key has to be found before anybody knows whether the body can be read, and for every copy alike: so the reading is
lenient and total. Whatever is not a JSON object with such a member has no id.
"""

import json

from notifier.core.errors import Unreadable
from notifier.ingest import strict_json


def read(body: bytes, member: str) -> str:
    """The text in `member` of the body; "" if there is none."""
    try:
        value = strict_json.read(body).get(member)
    except Unreadable:
        return ""
    return value if isinstance(value, str) else ""


def written(body: bytes, member: str, event_id: str) -> bytes:
    """The body with another id in `member`; unchanged if it is no JSON object."""
    try:
        document = strict_json.read(body)
    except Unreadable:
        return body
    return json.dumps({**document, member: event_id}, separators=(",", ":")).encode()
