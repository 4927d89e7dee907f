"""The mutants: which line of which file becomes what, and which tests must then go red."""

from dataclasses import dataclass

ZOMBIES = "tests/laws/test_directed.py::TestZombies::"
DEATHS = "tests/laws/test_directed.py::TestDeaths::"
HORIZON = "tests/laws/test_directed.py::TestTheHorizon::"
TAKEN_BACK = "tests/laws/test_directed_words.py::TestTakenBack::"
REPORTS = "tests/laws/test_directed_words.py::TestReports::"
OPERATIONS = "tests/faults/test_operations.py::TestKillSwitch::"
PEOPLE = "tests/laws/test_directed_words.py::TestPeople::"


@dataclass(frozen=True, slots=True)
class Change:
    """In `file`, the lines `find`, which stand there exactly once, become `put`."""

    file: str
    find: str
    put: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A safeguard taken out by `changes`. Every test of `red` must fail then, with at least one of its parameters."""

    name: str
    changes: tuple[Change, ...]
    red: tuple[str, ...]


CONCLUDE = "notifier/flow/conclude.py"
DOUBT = "notifier/decide/doubt.py"
DOUBTS = "notifier/flow/doubts.py"
PLAN = "notifier/decide/plan.py"
SUBMISSION = "notifier/store/submission.py"
EVIDENCE = "notifier/store/evidence.py"
EVENTS = "notifier/store/provider_events.py"

FENCED = """\
    query = (
        sa.select(Message)
        .where(
            Message.attempt_id.in_(attempt_ids),
            Message.state.in_([Submission.SENDING, Submission.IN_DOUBT]),
        )
        .with_for_update(key_share=True)
    )
    return {message.attempt_id: message for message in tx.session.scalars(query) if message.attempt_id}
"""

UNFENCED = """\
    query = sa.select(Attempt.id, Message).join(Message, Message.id == Attempt.message_id)
    return {attempt_id: message for attempt_id, message in tx.session.execute(query.where(Attempt.id.in_(attempt_ids)))}
"""

MUTANTS = (
    Mutant(
        "sent again when its worker died in the call",
        (
            Change(
                CONCLUDE,
                'Result(attempt, Submission.IN_DOUBT, "unknown", "worker_died")',
                'Result(attempt, Submission.SCHEDULED, "unknown", "worker_died", tx.now)',
            ),
        ),
        (
            DEATHS + "test_dead_between_submitting_and_the_call_a_no_is_in_doubt_and_never_sent_again_by_itself",
            DEATHS + "test_dead_with_the_answer_in_its_hands_nothing_leaves_again_and_the_report_settles_it",
        ),
    ),
    Mutant(
        "sent again when nobody knows whether it left",
        (
            Change(
                CONCLUDE,
                'return Result(attempt, Submission.IN_DOUBT, "unknown", answer.why)',
                'return Result(attempt, Submission.SCHEDULED, "unknown", answer.why, now)',
            ),
        ),
        (HORIZON + "test_a_doubt_is_not_judged_before_it_though_the_feed_speaks",),
    ),
    Mutant(
        "a late refusal touches a doubt",
        (
            Change(
                SUBMISSION,
                "    if message.state is Submission.IN_DOUBT and result.after is not Submission.ACCEPTED:\n",
                "    if False:\n",
            ),
        ),
        (ZOMBIES + "test_a_late_refusal_does_not_touch_a_doubt",),
    ),
    Mutant(
        "no ordering",
        (Change("notifier/core/candidacy.py", "    if order <= before.order:\n", "    if order == before.order:\n"),),
        ("tests/laws/test_l7_newest_wins.py::test_any_order_ends_where_the_newest_change_says",),
    ),
    Mutant(
        "no cancelling when the ATS takes it back",
        (
            Change(
                PLAN,
                "        if message.state in STOPPABLE and not _is_current(message, after)\n",
                "        if False\n",
            ),
        ),
        (TAKEN_BACK + "test_before_the_claim_it_is_cancelled_and_nobody_is_told_anything",),
    ),
    Mutant(
        "no look at the version, neither at the claim nor at the fence",
        (
            Change(SUBMISSION, "Message.due_at <= tx.now, CURRENT, not_paused", "Message.due_at <= tx.now, not_paused"),
            Change(SUBMISSION, "            still_current,\n", ""),
        ),
        (TAKEN_BACK + "test_between_the_claim_and_the_fence_it_does_not_leave_and_there_is_nothing_to_take_back",),
    ),
    Mutant(
        "what was taken back while it was sent is put back into the queue",
        (Change(CONCLUDE, "Submission.HELD) and not current:", "Submission.HELD) and False:"),),
        (
            TAKEN_BACK + "test_o04_while_sending_a_refusal_ends_it_for_good_and_the_apology_with_it",
            TAKEN_BACK + "test_between_the_claim_and_the_death_of_its_worker_it_ends_with_the_lease",
        ),
    ),
    Mutant(
        "a second no leaves like the first",
        (Change(PLAN, '    held = "rejected_again" if again else ""\n', '    held = ""\n'),),
        (TAKEN_BACK + "test_a_second_no_after_one_that_was_sent_waits_for_a_person",),
    ),
    Mutant(
        "webhooks are not known again",
        (
            Change(
                "notifier/store/inbox.py", "            event_key=event_key,\n", '            event_key=new_id("k"),\n'
            ),
        ),
        (PEOPLE + "test_a_webhook_that_comes_again_is_kept_once",),
    ),
    Mutant(
        "reports are known again by their id alone",
        (Change(EVENTS, '        "digest": digest,\n', '        "digest": new_id("d"),\n'),),
        (REPORTS + "test_a_copy_under_another_id_is_not_kept",),
    ),
    Mutant(
        "the horizon is too short",
        (Change(DOUBT, "HORIZON = timedelta(minutes=60)", "HORIZON = timedelta(minutes=3)"),),
        (
            HORIZON + "test_it_is_longer_than_a_lease_and_a_call_together",
            HORIZON + "test_a_doubt_is_not_judged_before_it_though_the_feed_speaks",
        ),
    ),
    Mutant(
        "silence is believed though the feed is silent",
        (
            Change(DOUBT, "    if not doubt.feed_alive:\n", "    if False:\n"),
            Change(EVIDENCE, "feed_alive_since(Attempt.provider, Attempt.submitted_at)\n", "sa.true()\n"),
        ),
        (HORIZON + "test_silence_proves_nothing_while_the_feed_is_silent",),
    ),
    Mutant(
        "what informs is sent again as often as it is in doubt",
        (Change(DOUBT, "doubt.harmless and doubt.times == 0 and", "doubt.harmless and"),),
        (DEATHS + "test_dead_between_submitting_and_the_call_what_informs_goes_out_once_more_and_then_no_more",),
    ),
    Mutant(
        "what informs is sent again however late",
        (Change(DOUBT, "doubt.times == 0 and doubt.age < LATEST:", "doubt.times == 0:"),),
        (HORIZON + "test_after_a_day_a_person_decides_whatever_it_says",),
    ),
    Mutant(
        "a no is harmless",
        (
            Change(
                DOUBT, "    return purpose is Purpose.STATUS and mode is Mode.AUTO\n", "    return mode is Mode.AUTO\n"
            ),
        ),
        (DEATHS + "test_dead_between_submitting_and_the_call_a_no_is_in_doubt_and_never_sent_again_by_itself",),
    ),
    Mutant(
        "no fence for results",
        (Change(SUBMISSION, FENCED, UNFENCED),),
        (
            ZOMBIES + "test_any_other_late_word_of_one_that_called_changes_nothing_after_another_sent",
            ZOMBIES + "test_a_late_word_while_another_sends_neither_ends_nor_repeats_that",
        ),
    ),
    Mutant(
        "the late accepted of a zombie is ignored",
        (Change(CONCLUDE, "        _late(tx, attempt_id, answers[attempt_id])\n", "        pass\n"),),
        (
            ZOMBIES + "test_the_late_accepted_of_one_that_called_is_written_beside_the_mail_two_people_wanted",
            ZOMBIES + "test_a_late_accepted_cancels_the_retry_before_it_is_claimed",
            ZOMBIES + "test_a_late_accepted_stops_the_other_worker_at_its_fence",
        ),
    ),
    Mutant(
        "the lease is not looked at before the call",
        (Change(SUBMISSION, "            Message.lease_until > tx.now + CALL_LIMIT,\n", ""),),
        (ZOMBIES + "test_one_whose_lease_is_nearly_over_does_not_begin_a_call",),
    ),
    Mutant(
        "a process that was stopped calls all the same",
        (
            Change(
                "notifier/flow/send.py",
                "    if time.monotonic() - started > submission.CALL_LIMIT.total_seconds():\n",
                "    if False:\n",
            ),
        ),
        (
            "tests/laws/test_directed.py::test_a_process_stopped_between_the_fence_and_the_call_for_too_long_does_not_call",
        ),
    ),
    Mutant(
        "one person alone has a no sent again",
        (
            Change(
                DOUBTS,
                "        if two and not message.again_asked_by:\n",
                "        if False:\n",
            ),
        ),
        (PEOPLE + "test_a_no_is_not_sent_again_by_one_person_however_often_they_ask",),
    ),
    Mutant(
        "one person asks twice and has a no sent again",
        (Change(DOUBTS, "        if message.again_asked_by == by:\n", "        if False:\n"),),
        (PEOPLE + "test_a_no_is_not_sent_again_by_one_person_however_often_they_ask",),
    ),
    Mutant(
        "pauses are ignored",
        (
            Change(
                SUBMISSION,
                "    return ~sa.exists().where(scopes)\n",
                "    return ~sa.exists().where(scopes, sa.false())\n",
            ),
        ),
        (PEOPLE + "test_nothing_is_claimed_while_it_is_paused",),
    ),
    Mutant(
        "what was claimed before a pause leaves",
        (Change(SUBMISSION, "            not_paused(Message.provider),\n", ""),),
        (OPERATIONS + "test_m10_what_was_claimed_before_the_pause_stays_but_for_the_calls_in_flight",),
    ),
    Mutant(
        "a bounce opens nothing",
        (
            Change(
                "notifier/flow/reports.py",
                "        applications.came_back(tx, application, CAME_BACK, actor=actor)\n",
                "        pass\n",
            ),
        ),
        (
            REPORTS + "test_a_bounce_opens_the_outcome_for_a_person",
            REPORTS + "test_a_bounce_before_our_own_commit_opens_the_outcome_and_our_commit_does_not_close_it",
        ),
    ),
    Mutant(
        "a report proves nothing",
        (Change("notifier/flow/reports.py", "    if report.heard in TAKEN:\n", "    if False:\n"),),
        (
            REPORTS + "test_before_our_own_commit_it_counts_and_our_commit_changes_nothing",
            REPORTS + "test_a_refusal_after_it_was_reported_as_taken_changes_nothing",
        ),
    ),
)
