"""Every error the product raises on purpose.

The leaf decides what happens, so callers catch a class and never look at a message::

    NotifierError
    |-- Unreadable      signed, but not understood: quarantine the item, keep the bytes
    |-- NotFound        no such thing in this workspace: 404, exit 1
    |-- Refused         a decision that cannot be carried out any more: say why, change nothing
    |-- IllegalMove     a state machine was asked for a move it does not have: a bug, never swallowed
    |-- TemplateFault   wording that may not leave: shown with its line
    |-- DatabaseAway    the database cannot be written: 503, nothing kept
"""


class NotifierError(Exception):
    """Parent of all; catch it only at the outermost edge."""


class Unreadable(NotifierError):
    """A signed body that cannot be translated. `path` names the field ("payload.application.id"), `why` the fault."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class NotFound(NotifierError):
    """Nothing with this id in this workspace. Never says whether it exists in another one."""


class Refused(NotifierError):
    """A person's decision that cannot be carried out (already sent, value missing). The text is shown to them."""


class IllegalMove(NotifierError):
    """A state was asked to become one that its table does not allow."""

    def __init__(self, noun: str, before: str, after: str) -> None:
        super().__init__(f"{noun}: {before} -> {after} is not a move")


class TemplateFault(NotifierError):
    """Wording that may not leave. `line` counts from 1 in the file; 0 when no single line is at fault."""

    def __init__(self, why: str, *, line: int = 0) -> None:
        super().__init__(f"line {line}: {why}" if line else why)
        self.line = line
        self.why = why


class DatabaseAway(NotifierError):
    """The database refused or could not be reached; nothing was kept. Callers answer 503 and let the sender retry."""
