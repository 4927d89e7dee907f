"""`reason`: who ended it, by words."""

import pytest

from notifier.ingest.reason import by_candidate


@pytest.mark.parametrize(
    "text",
    ["Withdrew", "Candidate withdrawn", "withdrawal", "Candidate declined", "Declined by candidate",
     "No longer interested", "Bewerbung zurückgezogen", "Teruggetrokken"],
)  # fmt: skip
def test_these_words_are_the_candidates(text: str) -> None:
    assert by_candidate(text)


@pytest.mark.parametrize(
    "text",
    [None, "", "Too little experience", "Position closed", "Offer withdrawn", "Offer was withdrawn",
     "Withdrew the offer", "Withdrawn by us", "Withdrawn by the company"],
)  # fmt: skip
def test_these_are_not(text: str | None) -> None:
    assert not by_candidate(text)
