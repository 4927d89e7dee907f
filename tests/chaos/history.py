"""What happened, one line of JSON each, in the order in which it was noticed. The checker reads it again at the end."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

#: A line as it is read again.
Row = dict[str, Any]


class History:
    """An append-only file. Any thread may write; a line is written whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def note(self, what: str, **details: Any) -> None:
        """Something happened now."""
        line = json.dumps({"at": round(time.time(), 3), "what": what, **details})
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()

    def close(self) -> None:
        """Nothing happens any more."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def rows(path: Path) -> Iterator[Row]:
    """Every line of a history or of a receiver's record."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row: Row = json.loads(line)
            yield row
