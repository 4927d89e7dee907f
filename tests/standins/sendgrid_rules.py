"""What SendGrid's v3 Mail Send refuses with 400, as far as it is documented.

Each problem is a pair of a sentence and the field it belongs to, in the order of the request. The sentences are ours;
the shape of the error body is SendGrid's.
"""

from collections.abc import Iterator, Mapping
from typing import Any

RESERVED_HEADERS = frozenset(
    {
        *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
        *("to", "from", "subject", "reply-to", "cc", "bcc"),
    }
)

KNOWN_FIELDS = frozenset(
    {
        *("personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments", "template_id"),
        *("headers", "categories", "custom_args", "send_at", "batch_id", "asm", "ip_pool_name", "mail_settings"),
        "tracking_settings",
    }
)

#: Bytes of all custom arguments of one personalization together.
MOST_CUSTOM_ARGS = 10_000

LONGEST_ADDRESS = 320

MOST_BYTES = 30 * 1024 * 1024

#: What the proxy in front of the API says, which knows no JSON.
TOO_LARGE = b"<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body></body>\r\n</html>\r\n"

Problem = tuple[str, str]


def problems(mail: Any) -> list[Problem]:
    """Everything wrong with a request's JSON; empty if it would be taken."""
    if not isinstance(mail, dict):
        return [("the request is not a JSON object", "")]
    found = [(f"unknown field {name}", name) for name in mail if name not in KNOWN_FIELDS]
    found += _personalizations(mail)
    found += _person(mail.get("from"), "from")
    if "reply_to" in mail:
        found += _person(mail["reply_to"], "reply_to")
    if "reply_to" in mail and "reply_to_list" in mail:
        found.append(("reply_to and reply_to_list exclude each other", "reply_to"))
    if not isinstance(mail.get("subject"), str) or not mail["subject"]:
        found.append(("a subject of at least one character is needed", "subject"))
    found += _content(mail.get("content"))
    found += _headers(mail.get("headers", {}), "headers")
    found += _custom_args(mail.get("custom_args"), "custom_args")
    found += _categories(mail.get("categories", []))
    found += _switches(mail.get("tracking_settings", {}), "tracking_settings")
    found += _switches(mail.get("mail_settings", {}), "mail_settings")
    return found


def _personalizations(mail: Mapping[str, Any]) -> Iterator[Problem]:
    given = mail.get("personalizations")
    if not isinstance(given, list) or not 1 <= len(given) <= 1000:
        yield "1 to 1000 personalizations are needed", "personalizations"
        return
    for number, one in enumerate(given):
        place = f"personalizations.{number}"
        if not isinstance(one, dict) or not isinstance(one.get("to"), list) or not one["to"]:
            yield "a recipient is needed", f"{place}.to"
            continue
        seen: set[str] = set()
        for kind in ("to", "cc", "bcc"):
            for index, person in enumerate(one.get(kind, [])):
                yield from _person(person, f"{place}.{kind}.{index}")
                address = str(person.get("email") if isinstance(person, dict) else person).lower()
                if address in seen:
                    yield "an address may occur once", f"{place}.{kind}.{index}.email"
                seen.add(address)
        yield from _custom_args(one.get("custom_args"), f"{place}.custom_args")
        yield from _headers(one.get("headers", {}), f"{place}.headers")


def _person(person: Any, place: str) -> Iterator[Problem]:
    if not isinstance(person, dict) or set(person) - {"email", "name"}:
        yield "an object of email and name is needed", place
        return
    email, name = person.get("email"), person.get("name", "")
    if not isinstance(email, str) or email.count("@") != 1 or len(email) > LONGEST_ADDRESS or " " in email:
        yield "a valid address is needed", f"{place}.email"
    if not isinstance(name, str) or any(sign in name for sign in ",;\r\n"):
        yield "the name has a character that is not allowed", f"{place}.name"


def _content(content: Any) -> Iterator[Problem]:
    if not isinstance(content, list) or not content:
        yield "content is needed", "content"
        return
    order = {"text/plain": 0, "text/html": 1}
    kinds = [order.get(str(part.get("type")), 2) if isinstance(part, dict) else 2 for part in content]
    if kinds != sorted(kinds):
        yield "text/plain comes first, then text/html, then others", "content"
    for number, part in enumerate(content):
        kind, value = (part.get("type"), part.get("value")) if isinstance(part, dict) else (None, None)
        if not isinstance(kind, str) or not kind or any(sign in kind for sign in ";\r\n"):
            yield "a type without parameters is needed", f"content.{number}.type"
        if not isinstance(value, str) or not value:
            yield "a value of at least one character is needed", f"content.{number}.value"


def _headers(headers: Any, place: str) -> Iterator[Problem]:
    if not isinstance(headers, dict):
        yield "headers are an object", place
        return
    for name, value in headers.items():
        if not isinstance(value, str):
            yield "a header is a string", f"{place}.{name}"
        elif not value.isascii() or any(sign in value for sign in "\r\n"):
            yield "a header is ASCII on one line", f"{place}.{name}"
        if name.lower() in RESERVED_HEADERS:
            yield "this header is reserved", f"{place}.{name}"
        if not name.isascii() or " " in name:
            yield "a header's name is ASCII without spaces", f"{place}.{name}"


def _custom_args(given: Any, place: str) -> Iterator[Problem]:
    if given is None:
        return
    if not isinstance(given, dict) or not given:
        yield "custom arguments are an object that is not empty", place
        return
    if not all(isinstance(value, str) for value in given.values()):
        # The real answer names neither the field nor the fault.
        yield "Bad Request", ""
        return
    if sum(len(name.encode()) + len(value.encode()) for name, value in given.items()) > MOST_CUSTOM_ARGS:
        yield f"custom arguments are over {MOST_CUSTOM_ARGS} bytes", place


def _categories(given: Any) -> Iterator[Problem]:
    good = isinstance(given, list) and all(isinstance(one, str) and one.isascii() and len(one) <= 255 for one in given)
    if not good or len(given) > 10 or len(set(given)) != len(given):
        yield "at most 10 different ASCII strings of at most 255 characters", "categories"


def _switches(settings: Any, place: str) -> Iterator[Problem]:
    for name, setting in settings.items():
        if not isinstance(setting, dict) or not isinstance(setting.get("enable"), bool):
            yield "enable is true or false", f"{place}.{name}.enable"
