"""Who ended it, by the words of a reason that a company wrote itself.

Several ATSs know one kind of ending and a text. Telling somebody "no" who has withdrawn is an insult; thanking somebody
for withdrawing whom we rejected is another. So only words that say the first count, and not those that say that the
employer took an offer back. What is not understood stays a rejection, which waits out its hold and can be stopped.
"""

import re

_CANDIDATE = re.compile(
    r"withdr|candidate declined|declined by candidate|no longer interested|zurückgezogen|teruggetrokken", re.IGNORECASE
)
_EMPLOYER = re.compile(
    r"offer (was )?withdr|withdr\w* (the |our )?offer|withdr\w* by (us|the company|the employer)", re.IGNORECASE
)


def by_candidate(text: str | None) -> bool:
    """Whether the text of a reason says that the candidate ended it."""
    return bool(text) and _CANDIDATE.search(text or "") is not None and _EMPLOYER.search(text or "") is None
