"""What is read of changed applications from Greenhouse, against a stand-in of its API."""

import json
from datetime import timedelta
from typing import Any

from notifier.pull.ats.greenhouse import Puller
from notifier.pull.port import Page, Pulled, Refused
from tests.pull.asked import MONDAY, TUESDAY, ask, read
from tests.standins.greenhouse import Greenhouse


def everything(server: Greenhouse, puller: Puller) -> list[Pulled]:
    """All pages, and a look at each step's size."""
    found: list[Pulled] = []
    cursor = ""
    while True:
        page = read(server, puller=puller, cursor=cursor)
        found.extend(page.records)
        if not (cursor := page.cursor):
            return found


def body(record: Pulled) -> Any:
    return json.loads(record.body)


class TestWhatIsRead:
    def test_an_application_comes_with_everything_that_belongs_to_it(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        greenhouse.account.move(66001, 4402, MONDAY + timedelta(hours=1))
        (record,) = read(greenhouse).records
        assert body(record) == {
            "application": {
                "id": 66001,
                "candidate_id": 66001,
                "job_id": 2201,
                "prospect": False,
                "status": "in_process",
                "created_at": "2026-11-23T09:00:00.000Z",
                "updated_at": "2026-11-23T10:00:00.000Z",
                "last_activity_at": "2026-11-23T10:00:00.000Z",
                "rejected_at": None,
            },
            "candidate": {
                "id": 66001,
                "first_name": "Lena",
                "last_name": "Fuchs",
                "email_addresses": [{"value": "lena66001@example.org", "type": "personal"}],
                "can_email": True,
                "private": False,
            },
            "job": {"id": 2201, "name": "Storyboard Artist"},
            "stage": {"id": 4402, "name": "Portfolio talk", "entered_at": "2026-11-23T10:00:00.000Z"},
            "rejection_reason": None,
            "recruiter": {"id": 311, "name": "Ruth Castell", "primary_email": "ruth.castell@studio.example"},
            "coordinator": {"id": 313, "name": "Omar Vale", "primary_email": "omar.vale@studio.example"},
        }

    def test_a_rejection_comes_with_the_type_of_its_reason(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        greenhouse.account.reject(66001, TUESDAY, reason=802)
        (record,) = read(greenhouse).records
        assert body(record)["rejection_reason"] == {
            "id": 802,
            "type": {"id": 1, "key": "THEY_REJECTED_US", "name": "They rejected us"},
        }

    def test_an_account_that_knows_no_built_in_reasons_is_asked_without_them(self, greenhouse: Greenhouse) -> None:
        greenhouse.knows_defaults = False
        greenhouse.account.apply(66001, MONDAY)
        greenhouse.account.reject(66001, TUESDAY)
        (record,) = read(greenhouse).records
        assert body(record)["rejection_reason"]["type"]["key"] == "WE_REJECTED_THEM"

    def test_the_stage_is_found_where_the_application_does_not_name_it(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        greenhouse.account.edit(66001, MONDAY, job_interview_stage_id=None, stage_name=None)
        (record,) = read(greenhouse).records
        assert body(record)["stage"]["id"] == 4401
        assert body(record)["stage"]["name"] == "Application Review"

    def test_only_what_changed_since_is_read(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        greenhouse.account.apply(66002, TUESDAY)
        records = read(greenhouse, since=TUESDAY).records
        assert [record.subject for record in records] == ["66002"]

    def test_a_prospect_has_not_applied_and_is_left_out(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY, prospect=True)
        assert read(greenhouse) == Page(())
        assert not [path for path in greenhouse.requests if path.startswith("/v3/candidates")]

    def test_a_person_the_key_may_not_see_is_missing_and_the_application_is_not(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        greenhouse.account.lists["candidates"].clear()
        (record,) = read(greenhouse).records
        assert body(record)["candidate"] is None

    def test_nothing_that_changed_is_one_request_and_a_token(self, greenhouse: Greenhouse) -> None:
        assert read(greenhouse) == Page(())
        assert [path.partition("?")[0] for path in greenhouse.requests] == ["/token", "/v3/applications"]

    def test_an_odd_record_is_passed_on_for_a_person_to_see(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        greenhouse.account.edit(66001, TUESDAY, candidate_id="?", status=7, created_at=5, last_activity_at={})
        (record,) = read(greenhouse).records
        assert body(record)["application"]["status"] == 7


class TestKeys:
    def test_the_same_state_has_the_same_key_and_body(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        first, again = read(greenhouse).records, read(greenhouse).records
        assert first == again
        assert first[0].key.startswith("sweep:application:66001:2026-11-23T09:00:00.000Z:")
        assert len(first[0].key) <= 200
        assert first[0].key.isascii()

    def test_a_change_has_another_key(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        (before,) = read(greenhouse).records
        greenhouse.account.move(66001, 4402, TUESDAY)
        (after,) = read(greenhouse).records
        assert before.key != after.key

    def test_a_change_of_the_person_alone_has_another_key_too(self, greenhouse: Greenhouse) -> None:
        greenhouse.account.apply(66001, MONDAY)
        (before,) = read(greenhouse).records
        greenhouse.account.lists["candidates"][66001]["first_name"] = "Helene"
        (after,) = read(greenhouse).records
        assert before.key != after.key

    def test_a_record_says_when_its_state_began(self, greenhouse: Greenhouse) -> None:
        for number in range(1, 5):
            greenhouse.account.apply(number, MONDAY)
        greenhouse.account.move(2, 4402, MONDAY + timedelta(hours=2))
        greenhouse.account.reject(3, MONDAY + timedelta(hours=3))
        greenhouse.account.hire(4, MONDAY + timedelta(hours=4))
        for number in range(1, 5):
            greenhouse.account.edit(number, TUESDAY, job_post_id=9)
        began = {record.subject: record.began_at for record in read(greenhouse).records}
        assert began == {
            "1": MONDAY,
            "2": MONDAY + timedelta(hours=2),
            "3": MONDAY + timedelta(hours=3),
            "4": MONDAY,
        }


class TestPages:
    def test_a_page_is_fifty_and_all_pages_are_everything_once(self, greenhouse: Greenhouse) -> None:
        for number in range(1, 121):
            greenhouse.account.apply(number, MONDAY)
        puller = Puller()
        assert len(read(greenhouse, puller=puller).records) == 50
        found = everything(greenhouse, puller)
        assert sorted(int(record.subject) for record in found) == list(range(1, 121))

    def test_what_belongs_to_a_page_is_asked_for_together(self, greenhouse: Greenhouse) -> None:
        for number in range(1, 51):
            greenhouse.account.apply(number, MONDAY)
            greenhouse.account.reject(number, TUESDAY)
        read(greenhouse)
        assert len(greenhouse.requests) <= 9

    def test_a_cursor_is_alone_in_its_question(self, greenhouse: Greenhouse) -> None:
        for number in range(1, 61):
            greenhouse.account.apply(number, MONDAY)
        everything(greenhouse, Puller())
        (second,) = [path for path in greenhouse.requests if "cursor=" in path]
        assert second.count("=") - second.count("%3D") == 1

    def test_what_changes_while_pages_are_read_is_not_left_out(self, greenhouse: Greenhouse) -> None:
        for number in range(1, 61):
            greenhouse.account.apply(number, MONDAY)
        puller = Puller()
        first = read(greenhouse, puller=puller)
        greenhouse.account.move(1, 4402, TUESDAY + timedelta(hours=1))
        second = read(greenhouse, puller=puller, cursor=first.cursor)
        assert {record.subject for record in second.records} == {str(number) for number in range(1, 11)}

    def test_a_page_that_is_asked_for_again_brings_the_same(self, greenhouse: Greenhouse) -> None:
        for number in range(1, 61):
            greenhouse.account.apply(number, MONDAY)
        puller = Puller()
        first = read(greenhouse, puller=puller)
        assert read(greenhouse, puller=puller, cursor=first.cursor) == read(
            greenhouse, puller=Puller(), cursor=first.cursor
        )

    def test_a_cursor_that_is_not_known_any_more_begins_again_once(self, greenhouse: Greenhouse) -> None:
        for number in range(1, 61):
            greenhouse.account.apply(number, MONDAY)
        first = read(greenhouse)
        greenhouse.forget()
        again = read(greenhouse, cursor=first.cursor)
        assert again.records == first.records
        assert len(read(greenhouse, cursor=again.cursor).records) == 10
        greenhouse.forget()
        stopped = ask(greenhouse, cursor=again.cursor)
        assert isinstance(stopped, Refused)
        assert "cursor" in stopped.why

    def test_a_link_to_somewhere_else_gets_no_token(self, greenhouse: Greenhouse) -> None:
        greenhouse.link = '<https://elsewhere.example/v3/applications?cursor=abc>; rel="next"'
        page = read(greenhouse)
        assert page.cursor == "abc"
        # It is asked here, where it is not known, and so it begins again.
        assert read(greenhouse, cursor=page.cursor).cursor == "again abc"
