"""What a stage of an ATS means to a candidate.

An ATS may name its stages as it likes; the product reasons about ten kinds only. A stage nobody has mapped is
*unmapped*: it is listed for a person and nothing is sent for it.
"""

from enum import StrEnum


class StageKind(StrEnum):
    """The candidate's place in the process, in the order in which it usually happens."""

    APPLIED = "applied"
    SCREEN = "screen"
    INTERVIEW = "interview"
    FINAL = "final"
    OFFER = "offer"
    HIRED = "hired"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ON_HOLD = "on_hold"
    UNMAPPED = "unmapped"


#: Kinds in which the candidate has talked to somebody, so that a "no" needs a person's own words.
TALKED_TO = frozenset({StageKind.INTERVIEW, StageKind.FINAL, StageKind.OFFER})


class Outcome(StrEnum):
    """How an application ended, or that it has not."""

    NONE = "none"
    REJECTED = "rejected"
    HIRED = "hired"
    WITHDRAWN = "withdrawn"


#: A stage of one of these kinds ends the application even where the ATS has no status of its own for it.
OUTCOME_OF_KIND = {
    StageKind.HIRED: Outcome.HIRED,
    StageKind.REJECTED: Outcome.REJECTED,
    StageKind.WITHDRAWN: Outcome.WITHDRAWN,
}
