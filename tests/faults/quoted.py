"""People who are nowhere else in the product, and everything that says something about them.

Every word of `WORDS` is theirs. Ids are not: an ATS's id of a person says nothing to anybody else, and is kept.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ARRIVAL = Path(__file__).parents[1] / "payloads" / "greenhouse" / "new_candidate_application.json"

CANDIDATE, OWNER, USER = "Zebedee Quillfeather", "Marisol Dunwoody", "tomasina@inbox.example"

#: First and last names, every address, the telephone (as written and as digits), free text, and what is named after us.
WORDS = (
    *("zebedee", "quillfeather", "marisol", "dunwoody", "tomasina", "inbox.example", "thistledown lane"),
    *("555 0142 77", "555014277", "umbrella talk", "basketweaver", "kettle chat"),
)

PHONE = "+1 555 0142 77"
SAID = f"The umbrella talk with {CANDIDATE}, {PHONE}, 4 Thistledown Lane"


def address(name: str) -> str:
    """Where the candidate of this name is written to."""
    return f"zebedee.{name}@inbox.example"


def change(name: str, **data: Any) -> bytes:
    """A webhook of our own format with all that it may say about somebody who has just applied."""
    body: dict[str, Any] = {
        "type": "application.changed",
        "timestamp": datetime.now(UTC).isoformat(),
        "sender": SAID,
        "data": {
            "application": {"id": name},
            "candidate": {
                "id": f"c-{name}",
                "first_name": "Zebedee",
                "name": CANDIDATE,
                "email": address(name),
                "emails": ["zebedee.other@inbox.example"],
            },
            "job": {"id": "j1", "title": "Senior Basketweaver"},
            "owner": {"name": OWNER, "email": "marisol@inbox.example"},
            "stage": {"id": "s1", "name": "Kettle Chat", "kind": "applied"},
            **data,
        },
    }
    return json.dumps(body).encode()


def unreadable() -> dict[str, bytes]:
    """Bodies that are signed and cannot be read, each for another reason, by a name for it."""
    whole = json.loads(change("unread"))

    def with_data(**data: Any) -> bytes:
        return json.dumps(whole | {"data": whole["data"] | data}).encode()

    return {
        "cut": change("unread")[:-9],
        "twice": b'{"' + SAID.encode() + b'": 1, "' + SAID.encode() + b'": 2}',
        "strange": with_data(**{SAID: SAID}),
        "wrong": with_data(candidate={"id": "c-unread", "first_name": [CANDIDATE]}),
        "outcome": with_data(outcome=SAID),
        "kind": with_data(stage={"id": "s1", "name": "Kettle Chat", "kind": SAID}),
        "id": with_data(application={"id": f"{SAID}\n"}),
        "time": json.dumps(whole | {"timestamp": SAID}).encode(),
        "type": json.dumps(whole | {"type": SAID, "data": SAID}).encode(),
    }


def greenhouse() -> bytes:
    """Greenhouse's web hook about an application that arrived, with words of theirs in every field that takes text."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    hook: dict[str, Any] = _filled(json.loads(ARRIVAL.read_text("utf-8")))
    application = hook["payload"]["application"] | {"applied_at": now, "last_activity_at": now}
    application["current_stage"]["name"] = "Kettle Chat"
    for job in application["jobs"]:
        job["name"] = "Senior Basketweaver"
    candidate = application["candidate"]
    candidate |= {"first_name": "Zebedee", "last_name": "Quillfeather"}
    for person in (candidate["recruiter"], candidate["coordinator"]):
        person |= {"name": OWNER, "email": "marisol@inbox.example"}
    candidate["email_addresses"][0]["value"] = address("greenhouse")
    return json.dumps({"action": hook["action"], "payload": {"application": application}}).encode()


def _filled(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _filled(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, name) for inner in value]
    return SAID if isinstance(value, str) and name not in ("action", "status") else value
