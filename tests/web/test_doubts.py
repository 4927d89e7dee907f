"""What people do about a message in doubt, and about one that came back: the buttons, who may press them, and when it
is too late."""

import hashlib
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from notifier.core.answer import Accepted, Unknown
from notifier.core.feedback import Address, Heard, Report
from notifier.core.message import Submission
from notifier.deliver.email import Email
from notifier.flow import doubts
from notifier.flow.hear import hear_batch
from notifier.store import audit, provider_events, workspaces
from notifier.store.users import Role
from tests.web.conftest import press, text
from tests.world import World

SignIn = Callable[..., FlaskClient]

NO, ARRIVAL = "rejected_after_application", "application_received"


def lost(world: World) -> None:
    """From now on nobody knows what becomes of a mail."""
    world.provider.answer = lambda email: Unknown("time_out")


def found_again(world: World) -> None:
    """From now on every mail is taken."""
    world.provider.answer = lambda email: Accepted(f"p-{email.att}", email.headers["Message-ID"])


def refuse(world: World) -> Email:
    """A "no" that was handed over."""
    world.change("a1", outcome="rejected", first_name="Ana")
    world.settle_down()
    world.run_for(hours=72)
    return world.provider.calls[-1]


def hear(world: World, mail: Email, heard: Heard, about: Address = Address.UNTOUCHED) -> None:
    digest = hashlib.sha256(f"{mail.att} {heard}".encode()).hexdigest()
    report = Report(heard, world.clock.now, digest, mid=mail.mid, att=mail.att, about=about)
    with world.db.begin() as tx:
        provider_events.keep(tx, "scripted", [report])
    while hear_batch(world.flow):
        pass


def state(world: World, message_id: str) -> Submission:
    return world.view(message_id).message.state


@pytest.fixture
def doubtful(world: World) -> Email:
    """A "no" in doubt."""
    lost(world)
    return refuse(world)


class TestItArrived:
    def test_on_a_recruiters_word_it_counts_as_sent(
        self, world: World, doubtful: Email, recruiter: FlaskClient
    ) -> None:
        address = f"/messages/{doubtful.mid}"
        page = text(recruiter, address)
        assert "It may have left." in page

        status, after = press(recruiter, page, f"{address}/arrived")

        assert status == 200
        assert "message counts as sent." in after
        assert "maria@example.com" in after, "on whose word"
        assert state(world, doubtful.mid) is Submission.ACCEPTED
        assert world.ledger().told == 1
        assert world.ledger().violations == ()

    def test_too_late_it_is_said_in_words_and_nothing_changes(
        self, world: World, doubtful: Email, recruiter: FlaskClient
    ) -> None:
        address = f"/messages/{doubtful.mid}"
        page = text(recruiter, address)
        hear(world, doubtful, Heard.PROCESSED)

        for verb in ("arrived", "again"):
            status, after = press(recruiter, page, f"{address}/{verb}")
            assert status == 409
            assert "Nothing was changed." in after
            assert "It is not in doubt any more: it is accepted." in after
        with world.db.read() as tx:
            assert [row.actor for row in audit.history(tx, world.workspace, doubtful.mid)][-1] == "provider:scripted"

    def test_nothing_is_offered_for_what_is_not_in_doubt(self, world: World, sign_in: SignIn) -> None:
        mail = refuse(world)

        page = text(sign_in(), f"/messages/{mail.mid}")

        assert "/arrived" not in page
        assert "/again" not in page


class TestSendAgain:
    def test_a_no_takes_two_different_people(self, world: World, doubtful: Email, sign_in: SignIn) -> None:
        first, second = sign_in(), sign_in(address="tom@example.com")
        address = f"/messages/{doubtful.mid}"
        page = text(first, address)
        assert "A second person has to agree." in page

        status, after = press(first, page, f"{address}/again")

        assert status == 200
        assert "Noted. A second person has to agree before it is sent again." in after
        assert "You have asked to send it again; a second person has to agree." in after
        assert f"{address}/again" not in after
        assert press(first, page, f"{address}/again")[0] == 409
        assert state(world, doubtful.mid) is Submission.IN_DOUBT

        other = text(second, address)
        assert "Agree: send it again" in other
        assert "has asked for it" in other
        assert "maria@example.com" in other
        found_again(world)
        status, after = press(second, other, f"{address}/again")
        assert (status, "message is sent again now." in after) == (200, True)
        world.settle_down()
        assert state(world, doubtful.mid) is Submission.ACCEPTED
        assert len(world.provider.accepted) == 1
        assert world.ledger().violations == ()

    def test_what_only_informs_takes_one(self, world: World, recruiter: FlaskClient) -> None:
        lost(world)
        world.change("a1", stage="Review", kind="applied")
        world.run_for(minutes=5)
        address = f"/messages/{world.message(ARRIVAL).id}"
        page = text(recruiter, address)
        assert "A second person" not in page
        assert "They may get it twice." in page

        status, after = press(recruiter, page, f"{address}/again")

        assert (status, "message is sent again now." in after) == (200, True)
        assert world.message(ARRIVAL).state is Submission.SCHEDULED

    def test_what_lost_its_reason_is_not_offered_and_is_refused(
        self, world: World, doubtful: Email, recruiter: FlaskClient
    ) -> None:
        address = f"/messages/{doubtful.mid}"
        page = text(recruiter, address)
        world.change("a1", outcome="none", stage="Review", kind="applied")
        world.plan()

        status, after = press(recruiter, page, f"{address}/again")

        assert (status, "The application has moved on" in after) == (409, True)
        assert f"{address}/again" not in text(recruiter, address)
        assert f"{address}/arrived" in text(recruiter, address)

    def test_a_doubt_that_was_agreed_to_and_settled_meanwhile_is_not_sent(
        self, world: World, doubtful: Email, sign_in: SignIn
    ) -> None:
        address = f"/messages/{doubtful.mid}"
        first, second = sign_in(), sign_in(address="tom@example.com")
        press(first, text(first, address), f"{address}/again")
        page = text(second, address)
        hear(world, doubtful, Heard.DELIVERED)

        assert press(second, page, f"{address}/again")[0] == 409
        world.settle_down()
        assert [mail.mid for mail in world.provider.calls].count(doubtful.mid) == 1

    def test_what_the_feed_says_of_it_is_on_the_page(
        self, world: World, doubtful: Email, recruiter: FlaskClient
    ) -> None:
        world.change("a2", stage="Review", kind="applied", email="bo@example.org")
        world.plan()
        found_again(world)
        world.run_for(minutes=5)
        hear(world, world.provider.calls[-1], Heard.PROCESSED)
        world.run_for(hours=2)

        page = text(recruiter, f"/messages/{doubtful.mid}")

        assert "reported on later messages and never on this one, so it probably was not sent" in page
        assert "in doubt" in text(recruiter, "/trouble")


class TestWhoMay:
    @pytest.mark.parametrize("verb", ["arrived", "again"])
    @pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.APPROVER, 403), (Role.ADMIN, 200)])
    def test_a_doubt_is_settled_by_those_who_decide(
        self, world: World, doubtful: Email, sign_in: SignIn, verb: str, role: Role, status: int
    ) -> None:
        address = f"/messages/{doubtful.mid}"
        client = sign_in(role, address="someone@example.com")
        page = text(client, address)

        assert (f"{address}/{verb}" in page) is (status == 200)
        assert press(client, page, f"{address}/{verb}")[0] == status
        if status == 403:
            assert state(world, doubtful.mid) is Submission.IN_DOUBT

    @pytest.mark.parametrize("verb", ["arrived", "again"])
    def test_people_of_another_workspace_find_nothing(
        self, world: World, doubtful: Email, sign_in: SignIn, verb: str
    ) -> None:
        with world.db.begin() as tx:
            other = workspaces.add_workspace(tx, "Second Co").id
        stranger = sign_in(address="eve@example.com", workspace=other)

        assert press(stranger, text(stranger, "/trouble"), f"/messages/{doubtful.mid}/{verb}")[0] == 404
        application = world.application().application.id
        assert press(stranger, text(stranger, "/trouble"), f"/applications/{application}/write-again")[0] == 404
        assert state(world, doubtful.mid) is Submission.IN_DOUBT


class TestWriteAgain:
    @pytest.fixture
    def returned(self, world: World) -> str:
        """The address of an application whose "no" came back from a dead address."""
        mail = refuse(world)
        hear(world, mail, Heard.BOUNCED, Address.DEAD)
        return f"/applications/{world.application().application.id}"

    def test_while_the_address_is_dead_it_is_refused_in_words(
        self, world: World, returned: str, recruiter: FlaskClient
    ) -> None:
        status, after = press(recruiter, text(recruiter, returned), f"{returned}/write-again")

        assert status == 409
        assert "They cannot be written to: address dead. Correct the address in the ATS." in after
        assert len(world.messages("a1")) == 1

    def test_with_a_new_address_it_is_drafted_and_leaves_once_it_is_approved(
        self, world: World, returned: str, recruiter: FlaskClient
    ) -> None:
        world.change("a1", outcome="rejected", email="ana.new@example.org")
        world.plan()
        drafted = world.message(NO)
        if drafted.ordinal == 1:
            press(recruiter, text(recruiter, returned), f"{returned}/write-again")
            drafted = world.message(NO)
        assert (drafted.state, drafted.ordinal) == (Submission.AWAITING_APPROVAL, 2)
        assert "Write again" not in text(recruiter, returned)

        address = f"/messages/{drafted.id}"
        press(recruiter, text(recruiter, address), f"{address}/approve")
        world.run_for(hours=72)

        assert world.provider.accepted[-1].to_address == "ana.new@example.org"
        assert (world.ledger().told, world.ledger().open) == (1, 0)
        assert world.ledger().violations == ()

    def test_after_a_passing_fault_the_button_drafts_it_once(self, world: World, sign_in: SignIn) -> None:
        mail = refuse(world)
        hear(world, mail, Heard.BOUNCED, Address.DOUBTFUL)
        recruiter = sign_in()
        address = f"/applications/{world.application().application.id}"
        page = text(recruiter, address)

        status, after = press(recruiter, page, f"{address}/write-again")

        assert (status, "A new message is drafted. It leaves when somebody approves it." in after) == (200, True)
        again, refused = press(recruiter, page, f"{address}/write-again")
        assert (again, "Nothing came back here." in refused) == (409, True)
        assert [row.ordinal for row in world.messages("a1")] == [1, 2]

    @pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER])
    def test_only_those_who_decide_may(self, world: World, returned: str, sign_in: SignIn, role: Role) -> None:
        client = sign_in(role, address="someone@example.com")
        page = text(client, returned)

        assert "Write again" not in page
        assert press(client, text(client, "/"), f"{returned}/write-again")[0] == 403
        assert len(world.messages("a1")) == 1


def test_a_person_and_the_feed_at_the_same_moment_have_one_effect(world: World, doubtful: Email) -> None:
    doubts.arrived(world.flow, world.workspace, doubtful.mid, by="usr_a")
    hear(world, doubtful, Heard.DELIVERED)

    with world.db.read() as tx:
        trail = audit.history(tx, world.workspace, doubtful.mid)
    assert [row.after for row in trail].count("accepted") == 1
    assert world.ledger().violations == ()
