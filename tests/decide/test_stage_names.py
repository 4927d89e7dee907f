"""What the vocabulary makes of real stage names, above all of those that only look like one of ours."""

import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.stage import StageKind
from notifier.decide.stage_names import PHRASES, guess

#: Names by the kind they surely are; those of the big systems' own pipelines first.
NAMES: dict[StageKind, str] = {
    StageKind.APPLIED: """
        Application Review | New Applicant | Applied | Inbox | New | Applications | 1. Application review |
        Application received | Review application | NEW! | _new_applicants_ | incoming applications |
        Bewerbung | Neue Bewerbungen | Posteingang | Bewerbungseingang | Eingegangen | Neu |
        Candidature | Nouvelles candidatures | Candidatures reçues | Boîte de réception | Postulé | À traiter |
        Solicitudes | Nuevas candidaturas | Bandeja de entrada | Inscritos | Recibidos
    """,
    StageKind.SCREEN: """
        Preliminary Phone Screen | Recruiter Screen | Phone screen | Phone Screening | Screening | In-review |
        In Review | Under review | CV review | Hiring Manager Review | Resume Screen | Pre-screening | Intro call |
        Assessment | Take Home Test | Take-home assignment | Technical Assessment | Technical screen |
        Coding challenge |
        Case study | HR screening call | Application screening | 2) Screen |
        Vorauswahl | In Prüfung | In Pruefung | Telefonscreening | Probeaufgabe | Sichtung |
        Présélection | Préqualification téléphonique | Test technique | Étude de cas | Tri des CV |
        Preselección | Cribado curricular | Filtro telefónico | Prueba técnica | En revisión
    """,
    StageKind.INTERVIEW: """
        Interview | Phone Interview? | Phone Interview | Face to Face | On-site Interview | Onsite | Virtual onsite |
        Technical Interview | Hiring Manager Interview | Panel interview | 1st Interview | Second-round interview |
        Interview #2 | Interview II | Interviews | Video interview (Zoom) | Interview with the team |
        Culture fit interview |
        Screening interview | Schedule interview | Follow-up interview | STEP 3: INTERVIEW |
        Vorstellungsgespräch | Vorstellungsgespraech | 2. Vorstellungsgespräch | Erstgespräch | Zweites Gespräch |
        Telefoninterview | Interview mit der Fachabteilung | Kennenlernen | Interview vor Ort |
        Entretien RH | Entretien téléphonique | 1er entretien | Premier entretien | Entretien avec le manager |
        Entretien d'embauche | Entretien technique | Entrevue |
        Entrevista | Primera entrevista | Entrevista técnica | Entrevista con RRHH | Entrevista por teléfono |
        2ª entrevista
    """,
    StageKind.FINAL: """
        Final round | Final Interview | Final | Final technical interview | Final onsite | Final stage |
        Last interview |
        Reference Check | References | Finalists | Final panel interview | Final executive interview |
        Finales Gespräch | Endrunde | Letzte Runde | Referenzprüfung |
        Entretien final | Dernier entretien | Prise de références |
        Entrevista final | Última entrevista | Finalistas | Referencias
    """,
    StageKind.OFFER: """
        Offer | Offered | Job offer | Offer extended | Offer sent | Made Offer | Verbal offer | Offer stage |
        7 - Offer |
        Angebot | Vertragsangebot | Angebot versendet |
        Offre | Proposition d'embauche | Promesse d'embauche |
        Oferta | Oferta enviada
    """,
    StageKind.HIRED: """
        Hired | Offer accepted | HIRED 🎉 | Eingestellt | Angebot angenommen | Embauché | Recrutée | Contratado |
        Oferta aceptada
    """,
    StageKind.REJECTED: """
        Rejected | Disqualified | Rejected after interview | Rejected at phone screen | Not selected | Not a fit |
        Application rejected | Rejected after 1st technical interview | Rejected post interview | Unsuccessful |
        Absage | Abgelehnt | Absage nach Interview | Absage nach dem Vorstellungsgespräch | Ablehnung |
        Refusé | Refus après entretien | Candidature refusée | Non retenu |
        Rechazado | Descartada | Rechazado tras entrevista | No seleccionado
    """,
    StageKind.WITHDRAWN: """
        Withdrawn | Offer declined | Candidate withdrew | Withdrawn by candidate | Withdrawn after interview |
        Offer rejected |
        Rejected by candidate | Zurückgezogen | Absage durch Bewerber | Angebot abgelehnt |
        Désistement | Candidature retirée | Offre refusée | Retirado | Oferta rechazada
    """,
    StageKind.ON_HOLD: """
        On hold | On-Hold | Paused | On hold after interview | Pausiert | En pause | Suspendu | En pausa | Pausado
    """,
    StageKind.UNMAPPED: """
        Sourced | Lead | New Lead | Prospect | Prospects | Reached Out | Responded | Replied | Contacted | Talent pool |
        Talent Community | Nurture | Future hire | Pipeline | Vivier | Archived | Archive | Closed | Backlog | Waiting |
        Hold | Declined | Candidate declined | Test | Decision | Shortlist | To be reviewed | Evaluation | Debrief |
        Pre-offer | Offer approval | Offer pending | Make offer | Prepare offer | Offer withdrawn | Offer rescinded |
        Offer on hold | Offer review | Rejected after offer | Rejected at offer stage |
        Interview scheduled | Interview cancelled | Interview completed | Interviewed | Post-interview review |
        Review interviews | Interview review | Executive review | Panel review | Interview feedback | After interview |
        Before interview |
        Not interviewed |
        To interview | Interview / Offer | Interview or offer | Final review | Ready for interview |
        Interview declined |
        Not interested | Candidate not interested | No show | Not rejected | To reject | Reject | Maybe reject |
        Rejection pending | Rejection call | Send rejection | Rejected / Withdrawn | Rejected by mistake |
        Auto-rejected? no |
        Not hired | No hire | To be hired | Hire? | Withdrawn by company | Rejected interview | Rejected new |
        Background check | Drug screen | Background screening | Onboarding | First round | Hiring manager | Phone |
        Technical |
        Interview abgesagt | Termin abgesagt | Abgesagt | Absage Kandidat | Vor dem Interview | Zusage | Warteliste |
        En attente | Refus candidat | À rejeter | Après entretien | Offre d'emploi publiée |
        En espera | Después de la entrevista | Candidato no presentado |
        Stage 3 | 4 | 面接 | Собеседование
    """,
}  # fmt: skip

EXPECTED = [(name.strip(), kind) for kind, names in NAMES.items() for name in names.split("|")]
KNOWN = [(phrase.strip(), kind) for kind, phrases in PHRASES.items() for phrase in phrases.split(",")]

CASES: list[Callable[[str], str]] = [str.upper, str.lower, str.title, str.swapcase, str.casefold]
FORMS: list[Literal["NFC", "NFD", "NFKC", "NFKD"]] = ["NFC", "NFD", "NFKC", "NFKD"]
MARKS = ["", "\N{COMBINING ACUTE ACCENT}", "\N{COMBINING DIAERESIS}", "\N{SOFT HYPHEN}"]
GAPS = [" ", "  ", "\t", " - ", "_", " / ", "\N{NO-BREAK SPACE}", "\n", ": "]

known = st.sampled_from(EXPECTED + KNOWN)


@pytest.mark.parametrize(("name", "kind"), EXPECTED, ids=[name for name, _ in EXPECTED])
def test_a_name_is_the_kind_that_it_surely_is(name: str, kind: StageKind) -> None:
    assert guess(name) is kind


@pytest.mark.parametrize(("phrase", "kind"), KNOWN)
def test_every_phrase_of_the_table_is_its_kind(phrase: str, kind: StageKind) -> None:
    assert guess(phrase) is kind


def test_no_phrase_is_listed_twice() -> None:
    assert [phrase for phrase, times in Counter(phrase for phrase, _ in KNOWN).items() if times > 1] == []


def test_every_kind_but_unmapped_has_phrases() -> None:
    assert set(PHRASES) == set(StageKind) - {StageKind.UNMAPPED}
    assert all(phrase for phrase, _ in KNOWN)


@pytest.mark.parametrize("name", ["", " ", "7.", "--", "🎉"])
def test_a_name_without_a_word_is_unmapped(name: str) -> None:
    assert guess(name) is StageKind.UNMAPPED


@given(st.text())
def test_any_text_has_a_kind(name: str) -> None:
    assert guess(name) in StageKind


@given(known, st.sampled_from(CASES))
def test_case_never_changes_the_guess(example: tuple[str, StageKind], change: Callable[[str], str]) -> None:
    name, kind = example

    assert guess(change(name)) is kind


@given(known, st.sampled_from(FORMS), st.data())
def test_accents_never_change_the_guess(
    example: tuple[str, StageKind], form: Literal["NFC", "NFD", "NFKC", "NFKD"], data: st.DataObject
) -> None:
    name, kind = example
    marked = "".join(one + (data.draw(st.sampled_from(MARKS)) if one.isalpha() else "") for one in name)

    assert guess(unicodedata.normalize(form, marked)) is kind


@given(known, st.data())
def test_spacing_and_punctuation_never_change_the_guess(example: tuple[str, StageKind], data: st.DataObject) -> None:
    name, kind = example
    gap = st.sampled_from(GAPS)

    spaced = "".join([data.draw(gap), *(data.draw(gap) if one == " " else one for one in name), data.draw(gap)])

    assert guess(spaced) is kind


@given(known, st.sampled_from(["cancelled", "pending", "not", "xyz", "面接"]), st.booleans())
def test_one_unknown_word_makes_any_name_unmapped(example: tuple[str, StageKind], word: str, first: bool) -> None:
    name, _ = example

    # "not a fit" is a phrase; a second "not" before it is as unknown as anywhere else.
    assert guess(f"{word} {name}" if first else f"{name} {word}") is StageKind.UNMAPPED
