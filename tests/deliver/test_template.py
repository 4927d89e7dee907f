import contextlib
import hashlib
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.errors import NotFound, TemplateFault
from notifier.core.rule import Hold, Mode
from notifier.deliver.phrases import greeting_name
from notifier.deliver.template import LONGEST_LINE, Library, Template, located, parse, placeholders, render
from tests.deliver.awkward import JOBS, NAMES
from tests.deliver.values import VALUES

SOURCE = """\
+++
subject = "Your {{ job }} application"
mode = "one_by_one"         # a person looks
hold = "60m"
closes = true
+++

Hi {{ first_name }}, one for {{ job }}.
Two from {{ owner_name }}.
"""


def template(first: str = "{{ first_name }}, one.", second: str = "Two.", front: str = "") -> Template:
    source = f'+++\nsubject = "Your {{{{ job }}}} application"\nmode = "auto"\n{front}+++\n{first}\n{second}\n'
    return parse(source, key="made_up", language="en")


def fault_of(source: str) -> TemplateFault:
    with pytest.raises(TemplateFault) as caught:
        parse(source, key="made_up", language="en")
    return caught.value


class TestParse:
    def test_a_file_is_a_subject_two_lines_and_how_it_leaves(self) -> None:
        parsed = parse(SOURCE, key="made_up", language="en")

        assert parsed == Template(
            "made_up",
            "en",
            "Your {{ job }} application",
            ("Hi {{ first_name }}, one for {{ job }}.", "Two from {{ owner_name }}."),
            Mode.ONE_BY_ONE,
            Hold(minutes=60),
            True,
            SOURCE,
            hashlib.sha256(SOURCE.encode()).hexdigest(),
        )
        assert placeholders(parsed) == {"job", "first_name", "owner_name"}

    def test_each_text_knows_its_line_in_the_file(self) -> None:
        assert [line for line, _ in located(parse(SOURCE, key="x", language="en"))] == [2, 8, 9]

    def test_a_file_written_on_windows_reads_the_same(self) -> None:
        parsed = parse("\ufeff" + SOURCE.replace("\n", "\r\n"), key="made_up", language="en")

        assert parsed.lines == parse(SOURCE, key="made_up", language="en").lines

    @pytest.mark.parametrize(
        ("written", "hold"),
        [
            ("2m", Hold(minutes=2)),
            ("3h", Hold(minutes=180)),
            ("1 working day", Hold(working_days=1)),
            ("2 working days", Hold(working_days=2)),
        ],
    )
    def test_a_hold_is_minutes_or_working_days(self, written: str, hold: Hold) -> None:
        assert template(front=f'hold = "{written}"\n').hold == hold

    def test_without_a_hold_and_closes_it_leaves_at_once_and_ends_nothing(self) -> None:
        assert (template().hold, template().closes) == (Hold(), False)

    @pytest.mark.parametrize(
        ("broken", "line", "why"),
        [
            (SOURCE.replace("+++\n", "", 1), 1, "must begin"),
            (SOURCE.replace("+++\n\nHi", "Hi"), 1, "is missing"),
            (SOURCE.replace('"60m"', "60m"), 4, "not TOML"),
            (SOURCE.replace('"60m"', '"an hour"'), 4, 'write "2m"'),
            (SOURCE.replace('"60m"', '"90000m"'), 4, "too long"),
            (SOURCE.replace('"60m"', "60"), 4, "in quotes"),
            (SOURCE.replace("one_by_one", "always"), 3, "auto, approve, one_by_one"),
            (SOURCE.replace("mode = ", "mood = "), 1, "mode must be"),
            (SOURCE.replace("= true", '= "yes"'), 5, "true or false"),
            (SOURCE.replace("closes", "close"), 5, "unknown field 'close'"),
            (SOURCE.replace('"Your {{ job }} application"', '" "'), 2, "subject is empty"),
            (SOURCE.replace("application", "a\\r\\nBcc: x"), 2, "control character"),
            (SOURCE + "Three.\n", 10, "two lines, this has 3"),
            (SOURCE.replace("Two from {{ owner_name }}.\n", ""), 9, "two lines, this has 1"),
            (SOURCE.replace("one for", "one\u2028for"), 8, "control character"),
            (SOURCE.replace("= true", "= " + "[" * 2000), 1, "not TOML"),
            ("x" * 10_001, 0, "longer than"),
        ],
    )
    def test_a_mistake_is_named_with_its_line(self, broken: str, line: int, why: str) -> None:
        fault = fault_of(broken)

        assert why in str(fault)
        assert fault.line == line

    @given(st.text())
    def test_any_text_is_a_template_or_a_fault(self, anything: str) -> None:
        for source in (anything, f'+++\nsubject = "x"\nmode = "auto"\n+++\n{anything}\nTwo.'):
            with contextlib.suppress(TemplateFault):
                parse(source, key="made_up", language="en")


class TestPlaceholdersOnly:
    @pytest.mark.parametrize(
        "attack",
        [
            "{{ ''.__class__ }}",
            "{% for x in (1, 2) %}x{% endfor %}",
            "{{ 'a'*10**9 }}",
            "{{ first_name|attr('x') }}",
            "{{ first_name|safe }}",
            "{{ first_name() }}",
            "{{ first_name['x'] }}",
            "{{ first_name ~ job }}",
            "{{ 7 }}",
            "{{ none }}",
            "{{ self }}",
            "{{ range(10**9) }}",
            "{# a comment #}",
            "{% raw %}{{ x }}{% endraw %}",
            "{{- first_name -}}",
            "{{ }}",
            "{{ first_name",
            "{{ first_name }",
            "{{ {{ first_name }} }}",
            "{{ " + "(" * 3000 + " }}",
            "{% set x = 1 %}",
            "{% include 'x' %}",
        ],
    )
    def test_anything_but_a_listed_name_is_refused_with_its_line_in_no_time(self, attack: str) -> None:
        started = time.process_time()

        fault = fault_of(SOURCE.replace("Two from", attack))

        assert fault.line == 9
        assert time.process_time() - started < 0.05

    def test_a_subject_is_looked_at_as_well(self) -> None:
        assert fault_of(SOURCE.replace("{{ job }} application", "{{ 7*7 }}")).line == 2

    @pytest.mark.parametrize(
        ("written", "meant"),
        [("job.titel", "job"), ("frist_name", "first_name"), ("Company", "company"), ("next_update", "next_update_by")],
    )
    def test_an_unknown_name_names_the_nearest(self, written: str, meant: str) -> None:
        fault = fault_of(SOURCE.replace("owner_name", written))

        assert fault.why == f'"{written}" is not a placeholder; the nearest is "{meant}"'


class TestRender:
    def test_values_stand_where_the_names_stood(self) -> None:
        rendered = render(parse(SOURCE, key="made_up", language="en"), VALUES)

        assert rendered.subject == "Your Nurse application"
        assert rendered.lines == ("Hi Ana, one for Nurse.", "Two from Maria Lopez.")

    @pytest.mark.parametrize("value", ["", "  ", "\r\n", "https://evil.example"])
    def test_an_empty_value_is_named(self, value: str) -> None:
        with pytest.raises(TemplateFault, match="owner_name is empty"):
            render(parse(SOURCE, key="made_up", language="en"), VALUES | {"owner_name": value})

    def test_a_missing_value_is_named(self) -> None:
        with pytest.raises(TemplateFault, match="first_name is empty"):
            render(template(), {"job": "Nurse"})

    @pytest.mark.parametrize("value", ["{{ 7*7 }}", "((first_name))", "<script>", "{% for %}"])
    def test_a_value_is_never_read_as_a_template(self, value: str) -> None:
        assert render(template(), {"first_name": value, "job": value}).lines[0] == f"{value}, one."

    @pytest.mark.parametrize("opening", ["Hi {{ first_name }},", "Dear {{first_name}},", "{{ first_name }},"])
    def test_the_nameless_are_greeted_with_hello(self, opening: str) -> None:
        rendered = render(template(f"{opening} one."), {"first_name": "Hello", "job": "Nurse"})

        assert rendered.lines[0] == "Hello, one."

    def test_the_recruiters_link_must_be_one_secure_address(self) -> None:
        with_link = template(second="Pick a time: {{ link }}")

        assert render(with_link, VALUES).links == (VALUES["link"],)
        for link in ("calendar.example.net", "http://a.example", "https://a.example b", "javascript:x"):
            with pytest.raises(TemplateFault, match="link must be"):
                render(with_link, VALUES | {"link": link})

    def test_a_job_too_long_for_its_line_is_shortened_there(self) -> None:
        long = template("{{ first_name }}, " + "word " * 20 + "{{ job }}.")

        rendered = render(long, VALUES | {"job": JOBS[4]})

        assert len(rendered.lines[0]) <= LONGEST_LINE
        assert rendered.lines[0].endswith("\u2026.")

    def test_several_jobs_are_named_together_each_once(self) -> None:
        rendered = render(template("One for {{ job }}."), VALUES, jobs=["Cook", "Nurse", "Cook", "Driver"])

        assert (rendered.subject, rendered.lines[0]) == (
            "Your Cook, Nurse and Driver application",
            "One for Cook, Nurse and Driver.",
        )

    def test_jobs_are_shortened_until_their_line_holds_them_all(self) -> None:
        jobs = [f"{word} of a ward with more beds than it has nurses" for word in ("Head", "Deputy", "Assistant")]

        line = render(template("One for {{ job }}."), VALUES, jobs=jobs).lines[0]

        assert len(line) <= LONGEST_LINE
        assert all(word in line for word in ("Head of a ward", "Deputy of a ward", " and Assistant of a ward"))

    @pytest.mark.parametrize("jobs", [[f"Nurse number {n} of nine" for n in range(9)], ["x" * 70, "x" * 71]])
    def test_jobs_that_do_not_fit_or_would_look_alike_are_refused(self, jobs: list[str]) -> None:
        with pytest.raises(TemplateFault, match="do not fit"):
            render(template("word " * 15 + "{{ job }}."), VALUES, jobs=jobs)

    def test_a_name_that_was_not_checked_meets_the_second_wall(self) -> None:
        unchecked = Template("x", "en", "S", ("{{ ''.__class__ }}", "b"), Mode.AUTO, Hold(), True, "", "")

        with pytest.raises(TemplateFault):
            render(unchecked, VALUES)

    @given(first_name=st.text(), job=st.sampled_from(JOBS))
    def test_lines_stay_lines_whatever_people_are_called(self, first_name: str, job: str) -> None:
        called = greeting_name(first_name, "en")

        rendered = render(template(), {"first_name": called, "job": job})

        for line in (rendered.subject, *rendered.lines):
            assert len(line.splitlines()) == 1
            assert "://" not in line

    def test_thousands_are_written_a_second(self) -> None:
        parsed = parse(SOURCE, key="made_up", language="en")
        started = time.process_time()

        for _ in range(500):
            render(parsed, VALUES)

        assert time.process_time() - started < 1.0


class TestLibrary:
    def test_every_file_is_read_at_the_start(self, tmp_path: Path) -> None:
        (tmp_path / "made_up.en.txt").write_text(SOURCE, encoding="utf-8")
        (tmp_path / "made_up.fr-CA.txt").write_text(SOURCE, encoding="utf-8")
        (tmp_path / ".hidden").write_text("x", encoding="utf-8")

        library = Library(tmp_path)

        assert [(one.key, one.language) for one in library.all()] == [("made_up", "en"), ("made_up", "fr-CA")]
        assert library.get("made_up", "en").source == SOURCE

    def test_another_language_is_never_taken_instead(self, tmp_path: Path) -> None:
        (tmp_path / "made_up.en.txt").write_text(SOURCE, encoding="utf-8")

        with pytest.raises(NotFound, match="'made_up' in language 'de'"):
            Library(tmp_path).get("made_up", "de")

    def test_the_mistakes_of_all_files_are_named_at_once(self, tmp_path: Path) -> None:
        (tmp_path / "a.en.txt").write_text("x", encoding="utf-8")
        (tmp_path / "b.txt").write_text(SOURCE, encoding="utf-8")
        (tmp_path / "c.en.txt").write_bytes(b"\xff")
        (tmp_path / "d.en.txt").write_text(SOURCE.replace("job", "jobb"), encoding="utf-8")

        with pytest.raises(TemplateFault) as caught:
            Library(tmp_path)

        assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
            "a.en.txt",
            "b.txt",
            "c.en.txt",
            "d.en.txt",
        ]


@pytest.mark.parametrize(("given_name", "called"), [(name, called) for name, called in NAMES.items() if called])
def test_what_a_person_may_be_called_survives_rendering(given_name: str, called: str) -> None:
    del given_name

    assert render(template(), {"first_name": called, "job": "Nurse"}).lines[0] == f"{called}, one."
