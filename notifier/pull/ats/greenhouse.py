"""Greenhouse Recruiting, Harvest API v3 (v1 and v2 ended on 31 August 2026).

Sources: https://harvestdocs.greenhouse.io (guides on authentication, list endpoints, pagination, standardizations and
migration), a field-by-field reading of the reference pages published with a public client, and public code.

*Documented*: a token from https://auth.greenhouse.io/token by client credentials (Basic, `grant_type`, `sub`); Bearer;
`updated_at=gte|<time>`; `ids` and `*_ids` as lists with commas; the Link header with a `cursor` that must be the only
parameter and which the last page has not; times in UTC; `created_at` and `updated_at` on every resource; child
records in their own lists; 429.
*Seen in readings of the reference and in code*: the members read here; `in_process` in answers for what is asked for as
`active`; at most 50 ids in a list and 500 records on a page; newest id first; the type of a rejection reason with its
`key`; `expires_at` with the token (some read `expires_in`: both are taken); a Site Admin is needed for every list;
X-RateLimit-Remaining, X-RateLimit-Reset and Retry-After; about 50 requests in 30 seconds; that a new token may end the
one before.
*Not confirmed*: that `job_interview_stage_id` is the id web hooks give as `current_stage.id`; that everything a web
hook tells moves `updated_at`; how a cursor that is no longer known is answered (400, 404, 410 and 422 begin again);
that built-in rejection reasons are listed only with `include_defaults` (so it is asked for, and not insisted on).

Decisions:

- *One page is fifty applications* and seven lists of what belongs to them: as many as the lists take ids. The window
  has a beginning and no end, so that what changes while we read stays in it.
- *Only what is read is kept.* Answers, custom fields, tags and contact data other than e-mail never leave this module.
  The parameter `fields` could spare us receiving them; a name it does not know would stop the whole pull, so it is not
  used.
- *A cursor, never an address*, is taken from the Link header: the token goes nowhere but to the address of the source.
- *Offers are not read*, because the permission for them shows salaries.
"""

import base64
import hashlib
import json
import re
import ssl
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from notifier.pull import asking
from notifier.pull.asking import Answer, Asker, Patience
from notifier.pull.greenhouse_record import Related, Row, newest, number_of, pulled, stage_id
from notifier.pull.port import Access, Later, Page, Refused
from notifier.pull.token import MARGIN, Token, read_token

API = "https://harvest.greenhouse.io"
TOKENS = "https://auth.greenhouse.io/token"

#: Applications on a page, which is also how many ids a list can be asked for; and records on a page of such a list.
TOGETHER, RECORDS = 50, 500

#: Pages of one list of what belongs to fifty applications. One is usual.
MOST_PAGES = 20

#: Answers to a question that is not accepted; for a cursor they mean that it is not known any more.
NOT_ACCEPTED = frozenset({400, 404, 410, 422})

#: Before a cursor of a list that was begun again, because the first one's cursor was not accepted.
_AGAIN = "again "

_NEXT = re.compile(r"<([^<>]+)>\s*;[^,<]*rel=\"?next\"?")


class Puller:
    """Reads changed applications; see the module for what is documented and what was decided."""

    name = "greenhouse"

    def __init__(self, *, patience: Patience | None = None, cafile: str | None = None) -> None:
        """`patience` bounds every page; `cafile` names authorities to trust instead of the system's."""
        self._patience = patience or Patience()
        # Made once: reading the list of authorities takes 29 ms (measured).
        self._tls = ssl.create_default_context(cafile=cafile)
        self._tokens: dict[str, Token] = {}

    def page(self, access: Access, since: datetime, cursor: str, now: datetime) -> Page | Later | Refused:
        """Up to fifty applications changed at or after `since`. Total; see `notifier.pull.port`."""

        async def read(asker: Asker) -> Page:
            return await _read(_Api(asker, access, self._tokens), since, cursor)

        return asking.bounded(self.name, now, self._tls, read, self._patience)


async def _read(api: "_Api", since: datetime, cursor: str) -> Page:
    _, again, known = cursor.rpartition(_AGAIN)
    beginning = {"updated_at": f"gte|{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", "per_page": str(TOGETHER)}
    answer = await api.get("applications", {"cursor": known} if known else beginning)
    if known and answer.status in NOT_ACCEPTED:
        if again:
            raise api.asker.refused("the list of applications cannot be read to its end: its cursor is not accepted")
        again, answer = _AGAIN, await api.get("applications", beginning)
    applications = [row for row in api.rows("applications", answer) if row.get("prospect") is not True]
    related = await _related(api, applications)
    following = next_cursor(answer)
    return Page(tuple(pulled(row, related) for row in applications), again + following if following else "")


async def _related(api: "_Api", applications: list[Row]) -> Related:
    """Everything that belongs to these applications, list by list."""
    ids = _ids(applications, "id")
    rejected = _ids((row for row in applications if row.get("status") == "rejected"), "id")
    visits = newest(
        await api.some("application_stages", "application_ids", ids, {"current": "true"}),
        "application_id",
        "entered_at",
    )
    rejections = newest(
        await api.some("rejection_details", "application_ids", rejected), "application_id", "rejected_at"
    )
    # An application that names its stage itself needs no list for it.
    nameless = (row for row in applications if not (row.get("job_interview_stage_id") and row.get("stage_name")))
    return Related(
        candidates=await api.by_id("candidates", _ids(applications, "candidate_id")),
        jobs=await api.by_id("jobs", _ids(applications, "job_id")),
        users=await api.by_id("users", _ids(applications, "recruiter_id") | _ids(applications, "coordinator_id")),
        visits=visits,
        stages=await api.by_id("job_interview_stages", {stage_id(row, visits) for row in nameless} - {0}),
        rejections=rejections,
        reasons=await _reasons(api, _ids(rejections.values(), "rejection_reason_id")),
    )


async def _reasons(api: "_Api", ids: set[int]) -> dict[int, Row]:
    """The reasons with these ids, which are no more than applications on a page; built-in ones too if that can be."""
    if not ids:
        return {}
    question = {"ids": ",".join(map(str, sorted(ids))), "per_page": str(RECORDS)}
    answer = await api.get("rejection_reasons", {**question, "include_defaults": "true"})
    if answer.status in NOT_ACCEPTED:
        answer = await api.get("rejection_reasons", question)
    return {number_of(row, "id"): row for row in api.rows("rejection_reasons", answer)}


class _Api:
    """The lists of one account, for the length of one page."""

    def __init__(self, asker: Asker, access: Access, tokens: dict[str, Token]) -> None:
        """Raises Stopped if the key or the address cannot be right."""
        self.asker = asker
        self._tokens = tokens
        client, colon, rest = access.api_key.partition(":")
        secret, _, user = rest.rpartition(":") if re.fullmatch(r".+:[0-9]{1,20}", rest) else (rest, "", "")
        if not (colon and re.fullmatch(r"[!-~]{1,500}", access.api_key) and client and secret):
            raise asker.refused("write the key as <client id>:<client secret>, or with :<user id> after it")
        try:
            base = asking.address(access.api_url or API)
        except ValueError as fault:
            raise asker.refused(str(fault)) from None
        self._lists = f"{base}/v3/"
        self._token_url = f"{base}/token" if access.api_url else TOKENS
        self._basic = "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()
        self._form = {"grant_type": "client_credentials"} | ({"sub": user} if user else {})
        self._name = hashlib.sha256(f"{self._token_url} {access.api_key}".encode()).hexdigest()

    async def get(self, what: str, params: Mapping[str, str]) -> Answer:
        """One page of a list. The answer is 200 or one of NOT_ACCEPTED; raises Stopped for any other."""
        answer = await self._ask(what, params)
        if answer.status == 401:
            # The token ended before its time, or another process asked for one.
            self._tokens.pop(self._name, None)
            answer = await self._ask(what, params)
        if answer.status == 200 or answer.status in NOT_ACCEPTED:
            return answer
        if answer.status in (401, 403):
            raise self.asker.refused(
                f"the key may not read {what} ({answer.status}): it needs the permission harvest:{what}:list, and its "
                "user has to be a Site Admin"
            )
        raise self.asker.refused(f"{answer.status} for {what}: is the address of the API right?")

    def rows(self, what: str, answer: Answer) -> list[Row]:
        """The records of an answer. Raises Stopped if there are none."""
        if answer.status != 200:
            raise self.asker.refused(f"the question for {what} is not accepted ({answer.status})")
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise self.asker.later(f"the answer for {what} is not understood")
        return found

    async def some(self, what: str, by: str, ids: Iterable[int], more: Mapping[str, str] | None = None) -> list[Row]:
        """All records of a list whose `by` is one of `ids`."""
        wanted, found = sorted(ids), list[Row]()
        for begin in range(0, len(wanted), TOGETHER):
            listed = ",".join(map(str, wanted[begin : begin + TOGETHER]))
            params: Mapping[str, str] = {by: listed, "per_page": str(RECORDS), **(more or {})}
            for _ in range(MOST_PAGES):
                answer = await self.get(what, params)
                found += self.rows(what, answer)
                if not (cursor := next_cursor(answer)):
                    break
                params = {"cursor": cursor}
            else:
                raise self.asker.refused(f"the list of {what} does not end")
        return found

    async def by_id(self, what: str, ids: Iterable[int]) -> dict[int, Row]:
        """The records with these ids. What the key's user may not see is missing."""
        return {number_of(row, "id"): row for row in await self.some(what, "ids", ids)}

    async def _ask(self, what: str, params: Mapping[str, str]) -> Answer:
        headers = {"authorization": f"Bearer {await self._token()}"}
        return await self.asker.send("GET", self._lists + what, headers, params=params)

    async def _token(self) -> str:
        kept = self._tokens.get(self._name)
        if kept is not None and self.asker.now() < kept.ends - MARGIN:
            return kept.text
        answer = await self.asker.send("POST", self._token_url, {"authorization": self._basic}, form=self._form)
        if answer.status != 200:
            raise self.asker.refused(f"no access token for this key ({answer.status}): is it right, and not replaced?")
        token = read_token(answer.body, self.asker.now())
        if token is None:
            raise self.asker.later("the answer to the question for a token is not understood")
        self._tokens[self._name] = token
        return token.text


def next_cursor(answer: Answer) -> str:
    """The cursor of the next page from the Link header; "" on the last one."""
    match = _NEXT.search(answer.headers.get("link", ""))
    cursors = parse_qs(urlsplit(match[1]).query).get("cursor") if match else None
    return cursors[0] if cursors else ""


def _ids(rows: Iterable[Row], name: str) -> set[int]:
    return {number_of(row, name) for row in rows} - {0}
