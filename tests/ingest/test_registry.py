"""`registry`: the folder is the list of what is supported."""

from pathlib import Path

import pytest

from notifier.ingest import ats
from notifier.ingest.registry import adapters

FILES = {file.stem for file in Path(ats.__path__[0]).glob("*.py") if file.stem != "__init__"}


def test_every_file_of_the_folder_is_an_adapter_of_that_name() -> None:
    assert set(adapters()) == FILES
    assert all(adapter.name == name for name, adapter in adapters().items())


def test_the_registry_is_sorted_read_once_and_cannot_be_changed() -> None:
    assert list(adapters()) == sorted(adapters())
    assert adapters() is adapters()
    with pytest.raises(TypeError):
        adapters()["new"] = adapters()["generic"]
