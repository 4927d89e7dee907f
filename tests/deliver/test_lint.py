import pytest

from notifier.deliver.lint import Finding, Level, lint, lint_rendered
from notifier.deliver.template import Rendered, Template, parse

OWN = ("notifier.example.com",)


def template(first: str, second: str, *, key: str = "made_up", front: str = "closes = true\n") -> Template:
    source = f'+++\nsubject = "Your {{{{ job }}}} application"\nmode = "auto"\n{front}+++\n{first}\n{second}\n'
    return parse(source, key=key, language="en")


def errors(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.why for finding in findings if finding.level is Level.ERROR]


def warnings(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.why for finding in findings if finding.level is Level.WARNING]


class TestErrors:
    def test_a_good_template_has_no_findings(self) -> None:
        assert lint(template("{{ first_name }}, one.", "Two.")) == ()

    @pytest.mark.parametrize(
        ("first", "why"),
        [
            ("x" * 141, "longer than 140"),
            ("See https://a.example now.", "a link or an address"),
            ("See www.a.example now.", "a link or an address"),
            ("Write to maria@example.com.", "a link or an address"),
            ("See a.example/x now.", "a link or an address"),
            ("This is <b>it</b>.", "HTML"),
            ("Tom &amp; Ana.", "HTML"),
            ("Hi { first_name }.", "a brace"),
        ],
    )
    def test_what_may_not_leave_is_an_error_on_its_line(self, first: str, why: str) -> None:
        finding = lint(template(first, "Two."))[0]

        assert (finding.level, finding.line) == (Level.ERROR, 6)
        assert why in finding.why

    def test_two_questions_are_one_too_many(self) -> None:
        assert errors(lint(template("How?", "Two."))) == []
        assert errors(lint(template("How?", "When?"))) == ["more than one question mark"]

    def test_a_message_that_keeps_somebody_waiting_names_a_day(self) -> None:
        assert "no date" in errors(lint(template("One.", "Two.", front="")))[0]
        assert errors(lint(template("One.", "You hear by {{ next_update_by }}.", front=""))) == []
        assert errors(lint(template("We said {{ old_date }}.", "Two.", front=""))) != []

    @pytest.mark.parametrize(
        "first",
        [
            "{{ first_name }}, we will not take your application for {{ job }} further.",
            "{{ first_name }}, we have chosen someone else for {{ job }}.",
            "{{ first_name }}, {{ job }} has been filled.",
            "{{ first_name }}, {{ job }} was closed without a hire.",
            "Hi {{ first_name }}, we have decided not to make you an offer for {{ job }}.",
            "Hi {{ first_name }}, we won't be taking your application further.",
            "Hi {{ first_name }}, we cannot offer you {{ job }}.",
            "Hi {{ first_name }}, we are not going ahead with your application.",
        ],
    )
    def test_a_no_that_says_no_is_fine(self, first: str) -> None:
        assert errors(lint(template(first, "Two.", key="rejected_after_application"))) == []

    def test_a_no_must_say_so_in_its_first_line(self) -> None:
        buried = template(
            "{{ first_name }}, thank you for your time.", "We have chosen someone else.", key="rejected_x"
        )

        assert errors(lint(buried)) == ["the first line does not say the no"]


class TestWarnings:
    @pytest.mark.parametrize(
        ("words", "flagged"),
        [
            ("You will hear soon.", '"soon"'),
            ("You will hear as soon as possible.", '"as soon as possible"'),
            ("Unfortunately it is over.", '"Unfortunately"'),
            ("Dear Sir or Madam, hello.", '"Sir"'),
            ("You are overqualified.", '"overqualified"'),
            ("It was no culture fit.", '"culture fit"'),
            ("We need a native speaker.", '"native speaker"'),
            ("We keep your resume on file.", '"keep your resume on"'),
        ],
    )
    def test_risky_words_are_shown_to_the_author(self, words: str, flagged: str) -> None:
        findings = lint(template(words, "Two."))

        assert errors(findings) == []
        assert any(why.startswith(flagged) for why in warnings(findings))

    @pytest.mark.parametrize("words", ["Thank you!", "We found a stronger candidate.", "It is a no for now."])
    def test_some_words_are_only_wrong_in_a_no(self, words: str) -> None:
        no = template("We have chosen someone else.", words, key="rejected_x")

        assert warnings(lint(no)) != []
        assert warnings(lint(template("One.", words))) == []

    def test_keeping_somebody_in_mind_is_fine_for_those_who_agreed(self) -> None:
        words = "We keep you in mind."

        assert warnings(lint(template(words, "Two."))) != []
        assert warnings(lint(template(words, "Two.", key="keep_in_touch"))) == []

    def test_a_placeholder_is_never_taken_for_a_risky_word(self) -> None:
        assert warnings(lint(template("{{ first_name }} {{ reason }}", "Two."))) == []

    def test_what_takes_too_long_to_read_is_flagged(self) -> None:
        line = "one two three four five six seven eight nine ten " * 2 + "one two three four five six"

        assert any("seconds to read" in why for why in warnings(lint(template(line, line))))

    def test_what_is_hard_to_read_is_flagged(self) -> None:
        line = "Notwithstanding organisational considerations, reconsideration necessitates documentation"

        assert any("hard to read" in why for why in warnings(lint(template(line, line))))


class TestRendered:
    TEMPLATE = template("{{ first_name }}, one.", "Two: {{ link }}")

    def check(self, first: str, second: str = "Two.", links: tuple[str, ...] = ()) -> tuple[Finding, ...]:
        return lint_rendered(Rendered("S", (first, second), links), self.TEMPLATE, OWN)

    def test_two_plain_lines_have_no_findings(self) -> None:
        assert self.check("Ana, one.") == ()

    @pytest.mark.parametrize(
        ("first", "why"),
        [
            ("x" * 141, "141 characters"),
            ("a\x00b", "a control character"),
            (" ", "empty"),
            ("See https://evil.example/now.", "not ours"),
            ("See https://notifier.example.com.evil.example/now.", "not ours"),
            ("See https://notifier.example.com@evil.example/now.", "not ours"),
            ("Write to maria@evil.example.", "not ours"),
            ("See http://[broken.", "not ours"),
        ],
    )
    def test_what_may_not_leave_is_an_error_on_its_line(self, first: str, why: str) -> None:
        finding = self.check(first)[0]

        assert (finding.level, finding.line) == (Level.ERROR, 1)
        assert why in finding.why

    def test_our_own_links_and_addresses_may_stand(self) -> None:
        assert self.check("See https://notifier.example.com/s/x.") == ()
        assert self.check("Write to maria@mail.notifier.example.com.") == ()

    def test_the_recruiters_link_may_stand_and_its_question_mark_is_none(self) -> None:
        link = "https://calendar.example.net/?a=1?b"

        assert self.check("Can you come?", f"Two: {link}", (link,)) == ()

    def test_two_questions_are_one_too_many(self) -> None:
        assert errors(self.check("How?", "When?")) == ["more than one question mark"]

    def test_a_name_like_html_is_shown_and_does_not_stop_the_message(self) -> None:
        findings = self.check("<script>, one.")

        assert errors(findings) == []
        assert warnings(findings) == ["looks like HTML; it is shown as it stands"]

    def test_a_job_that_looks_like_an_address_does_not_stop_the_message(self) -> None:
        assert self.check("Ana, one for ASP.NET/C# Developer at Booking.com.") == ()

    def test_a_promise_on_a_weekend_is_flagged(self) -> None:
        assert warnings(self.check("By Saturday 28 November 2026.")) == ["names a Saturday; promise a working day"]

    def test_the_same_text_twice_is_flagged(self) -> None:
        words = Rendered("S", ("One.", "Two."))

        assert warnings(lint_rendered(words, self.TEMPLATE, OWN, last=words)) == [
            "the same text as the last message to this person"
        ]

    def test_no_own_host_lets_no_link_through(self) -> None:
        assert errors(lint_rendered(Rendered("S", ("See https://.", "Two.")), self.TEMPLATE, [""])) != []
