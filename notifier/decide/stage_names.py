"""The kind of a stage, guessed from the name that somebody gave it in an ATS.

A wrong guess sends a wrong mail, a missing one only lists the stage for a person. So this is a closed vocabulary, not a
search for words: a name is guessed only if *every* word of it is known, and "Drug screen", "Interview cancelled" or
"Not rejected" need no entry of their own to be left alone.

What wins, in this order:

1. The whole name: "Offer declined" is one phrase, and its "offer" is never looked at.
2. At each place the longest phrase: "application review" before "application".
3. A word that is in none of the tables makes the name unmapped.
4. An ending (`ENDINGS`) stands alone or is joined to one place by a link: "Rejected after technical interview" is
   rejected. Beside an offer it is unmapped, as nobody can tell who turned whom down; so is "Interview abgesagt", where
   it may be the appointment that was called off.
5. "Final" makes an interview a final one.
6. Two different kinds are unmapped: "Interview / Offer".

Decisions within the tables. A name that says *interview* is an interview, even by telephone: then a "no" waits for a
person's own words. A test or a telephone screen is a screen, "Application review" is where applications arrive. How far
a step has got ("Interview scheduled", "Pre-offer", "Post-interview review") is not a kind. A background check has rules
of its own and is for a person to map; sourced people, leads and talent pools have not applied, so nothing is owed.
"Archived", a bare "Declined", "Hold" or "Test" do not say enough, nor does "Candidate declined" say who did.

Where the names are from: the default pipelines of Lever and Ashby and the ends of Greenhouse's as their help pages show
them; the rest is common usage in English, German, French and Spanish (in this order in each table), not checked.
"""

import re
import unicodedata
from collections.abc import Mapping

from notifier.core.stage import StageKind

#: Phrases of each kind, separated by commas; case and accents are evened out on both sides.
PHRASES: Mapping[StageKind, str] = {
    StageKind.APPLIED: """
        applied, applicant, applicants, application, applications, application review, application received,
        applications received, received, new, inbox, incoming, review application, review applications,
        beworben, Bewerbung, Bewerbungen, Bewerbungseingang, Eingang, Posteingang, eingegangen, neu, neue,
        candidature, candidatures, candidature reçue, candidatures reçues, reçu, reçue, reçus, reçues, nouveau,
        nouveaux, nouvelle, nouvelles, postulé, boîte de réception, à traiter,
        solicitud, solicitudes, candidatura, candidaturas, postulado, postulados, inscrito, inscritos, recibido,
        recibidos, recibida, recibidas, nuevo, nuevos, nueva, nuevas, aplicado, bandeja de entrada
    """,
    StageKind.SCREEN: """
        screen, screening, phonescreen, prescreen, prescreening, pre screen, pre screening, application screen,
        application screening, screening call, intro call, introductory call, recruiter call, review, in review,
        under review, assessment, assessments, technical test, online test, take home, takehome, take home test,
        take home assignment, take home exercise, coding challenge, coding test, coding exercise, case study,
        work sample, skills test, home assignment,
        Vorauswahl, Sichtung, Prüfung, in Prüfung, Bewerbungsprüfung, in Bearbeitung, Telefonscreening, Probeaufgabe,
        Eignungstest, Einstellungstest, technischer Test, Fallstudie,
        présélection, préqualification, tri CV, tri des CV, en cours d'examen, à l'étude, étude du dossier,
        qualification téléphonique, test technique, tests techniques, étude de cas,
        preselección, cribado, cribado curricular, filtro telefónico, en revisión, revisión, prueba técnica,
        pruebas técnicas, caso práctico
    """,
    StageKind.INTERVIEW: """
        interview, interviews, interviewing, screening interview, phone screen interview, interview screening,
        schedule interview, schedule interviews, panel interview, panel interviews, peer interview, executive interview,
        leadership interview, founder interview, ceo interview, cto interview, onsite, on site, onsites, in person,
        face to face, f2f,
        Gespräch, Gespräche, Vorstellungsgespräch, Vorstellungsgespräche, Bewerbungsgespräch, Bewerbungsgespräche,
        Telefoninterview, Videointerview, Jobinterview, Erstgespräch, Zweitgespräch, Drittgespräch, Fachgespräch,
        Fachinterview, Kennenlerngespräch, Auswahlgespräch, Kennenlernen, vor Ort,
        entretien, entretiens, entretien d'embauche, entretiens d'embauche, entrevue, entrevues,
        entrevista, entrevistas
    """,
    StageKind.FINAL: """
        final, final round, final rounds, final stage, final stages, finalist, finalists, last round, last interview,
        reference, references, reference check, reference checks, reference call, reference calls,
        finale, finales, Endrunde, letzte Runde, letztes Gespräch, Abschlussgespräch, Referenzprüfung, Referenzen,
        dernier entretien, derniers entretiens, finaliste, finalistes, prise de référence, prise de références,
        contrôle de références,
        finalista, finalistas, última entrevista, última ronda, referencias, verificación de referencias
    """,
    StageKind.OFFER: """
        offer, offers, offered, job offer, job offers, offer letter, offer sent, offer extended, offer made, made offer,
        offer out, offer negotiation, verbal offer,
        Angebot, Angebote, Vertragsangebot, Jobangebot, Angebot versendet, Angebot verschickt, Vertragsverhandlung,
        offre, offres, offre envoyée, proposition, proposition d'embauche, promesse d'embauche,
        oferta, ofertas, oferta enviada, oferta laboral, oferta de trabajo
    """,
    StageKind.HIRED: """
        hired, hires, hired candidates, offer accepted, accepted offer,
        eingestellt, Einstellung, Einstellungen, Angebot angenommen,
        embauché, embauchée, embauchés, embauche, recruté, recrutée, recrutés, offre acceptée,
        contratado, contratada, contratados, contratación, oferta aceptada
    """,
    StageKind.REJECTED: """
        rejected, rejection, rejections, rejected candidates, candidate rejected, application rejected, cv rejected,
        resume rejected, disqualified, unsuccessful, not selected, not a fit, not a match, no longer considered,
        abgelehnt, Ablehnung, Absage, Absagen, Bewerbung abgelehnt, nicht ausgewählt,
        refusé, refusée, refusés, refus, rejeté, rejetée, rejetés, non retenu, non retenue, non retenus,
        candidature refusée, candidature rejetée, candidature non retenue,
        rechazado, rechazada, rechazados, rechazo, descartado, descartada, descartados, no seleccionado,
        no seleccionada, candidatura rechazada, solicitud rechazada, candidatura descartada
    """,
    StageKind.WITHDRAWN: """
        withdrawn, withdrew, withdrawal, candidate withdrew, candidate withdrawn, candidate withdrawal,
        withdrawn by candidate, withdrew application, application withdrawn, self withdrawn, declined by candidate,
        rejected by candidate, offer declined, declined offer, offer rejected, rejected offer,
        zurückgezogen, Bewerbung zurückgezogen, Rückzug, Kandidat zurückgezogen, Bewerber zurückgezogen,
        Absage durch Bewerber, Absage durch Kandidat, Angebot abgelehnt,
        désistement, désisté, désistée, retiré, retirée, candidature retirée, retrait de candidature,
        refusé par le candidat, offre refusée, offre déclinée,
        retirado, retirada, candidatura retirada, solicitud retirada, desistido, desistimiento, oferta rechazada,
        rechazado por el candidato
    """,
    StageKind.ON_HOLD: """
        on hold, onhold, put on hold, paused,
        pausiert, in Pause, auf Eis,
        en pause, suspendu, suspendue,
        en pausa, pausado, pausada, suspendido
    """,
}

#: Words that change nothing beside a kind, and say nothing alone: who, how, and which one. Nobody is here who comes
#: late in the process, as an "executive review" is not a review of the application.
FILLERS = (
    "a b the an and with of i ii iii iv v stage step phase round rounds loop first second third fourth initial "
    "preliminary follow up hr recruiter recruiting talent acquisition team hiring manager technical tech coding "
    "phone telephone telephonic video virtual remote online zoom live group case culture cultural fit values "
    "behavioral behavioural competency cv resume profile skills "
    "runde erste erstes zweite zweites dritte drittes mit der dem die und fachbereich fachabteilung personalabteilung "
    "telefonisch telefonisches persönlich persönliches technisches teamleitung "
    "premier première deuxième second seconde troisième tour rh technique téléphonique visio physique avec le la les "
    "de du des d l manager équipe présentiel distance étape "
    "primera segunda tercera ronda etapa fase con el rrhh técnica telefónica personal presencial por teléfono equipo "
    "videollamada"
)

#: Words that join an ending to the place where it came: "rejected after interview", "Absage nach Interview".
LINKS = "after at in during post following before pre nach im beim vor après en pendant tras después durante"

ENDINGS = frozenset({StageKind.HIRED, StageKind.REJECTED, StageKind.WITHDRAWN, StageKind.ON_HOLD})
_BEFORE_AN_OFFER = frozenset({StageKind.APPLIED, StageKind.SCREEN, StageKind.INTERVIEW, StageKind.FINAL})

_NUMBERING = re.compile(
    r"\b(?:stage|step|phase|schritt|stufe|etape|etapa|fase|paso)\s+\d+\b|\b\d+(?:st|nd|rd|th|er|re|ere|e|eme|nde|a|o)?\b"
)
_WORD = re.compile(r"[^\W_]+")
#: Accents, and marks such as the soft hyphen that split a word only on paper.
_UNSEEN = frozenset({"Mn", "Cf"})
#: Umlauts may be written out: "Vorstellungsgespraech".
_WRITTEN_OUT = re.compile(r"(?<=[aou])e")


def guess(name: str) -> StageKind:
    """The kind that a stage of this name surely is, else UNMAPPED. Total: any text has an answer."""
    words = _words(name)
    if words in _KINDS:
        return _KINDS[words]
    kinds, others = _read(words)
    ending = kinds & ENDINGS
    if ending:
        return _only(ending) if _is_joined(kinds - ending, others) else StageKind.UNMAPPED
    if not others <= _FILLERS:
        return StageKind.UNMAPPED
    return StageKind.FINAL if kinds == {StageKind.FINAL, StageKind.INTERVIEW} else _only(kinds)


def _is_joined(places: set[StageKind], others: set[str]) -> bool:
    """Whether what stands beside an ending is a link and a place where a "no" is nothing but a no."""
    return bool(places) and places <= _BEFORE_AN_OFFER and bool(others & _LINKS) and others <= _LINKS | _FILLERS


def _only(kinds: set[StageKind]) -> StageKind:
    return next(iter(kinds)) if len(kinds) == 1 else StageKind.UNMAPPED


def _read(words: tuple[str, ...]) -> tuple[set[StageKind], set[str]]:
    """The kinds of the phrases in a name, longest first from the left, and the words in no phrase."""
    kinds: set[StageKind] = set()
    others: set[str] = set()
    start = 0
    while start < len(words):
        for end in range(min(start + _LONGEST, len(words)), start, -1):
            if words[start:end] in _KINDS:
                kinds.add(_KINDS[words[start:end]])
                break
        else:
            end = start + 1
            others.add(words[start])
        start = end
    return kinds, others


def _words(name: str) -> tuple[str, ...]:
    """A name without case, accents, invisible characters, punctuation and numbering."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", name) if unicodedata.category(one) not in _UNSEEN)
    spaced = " ".join(_WORD.findall(plain.casefold()))
    return tuple(_WRITTEN_OUT.sub("", _NUMBERING.sub(" ", spaced)).split())


_KINDS: Mapping[tuple[str, ...], StageKind] = {
    _words(phrase): kind for kind, phrases in PHRASES.items() for phrase in phrases.split(",")
}
_LONGEST = max(map(len, _KINDS))
_FILLERS = frozenset(_words(FILLERS))
_LINKS = frozenset(_words(LINKS))
