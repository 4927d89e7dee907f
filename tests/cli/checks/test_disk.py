"""Where a SQLite database lies."""

import shutil
from pathlib import Path

from notifier.cli.checks import disk
from notifier.cli.checks.found import Found
from tests.cli.checks.conftest import given_config


def test_a_folder_nobody_may_write_is_found(tmp_path: Path) -> None:
    found = disk.folder(given_config(DATABASE_URL="sqlite:////proc/sys/notifier.db"))

    assert not found.ok
    assert "/proc/sys" in found.detail


def test_a_folder_that_is_not_there_yet_is_judged_by_the_one_it_would_be_made_in(tmp_path: Path) -> None:
    found = disk.folder(given_config(DATABASE_URL=f"sqlite:///{tmp_path}/new/deep/notifier.db"))

    assert found == Found(ok=True, detail=str(tmp_path))


def test_this_machines_own_disk_is_fine(tmp_path: Path) -> None:
    """S08; which file systems are none is in the tests of store.place."""
    assert disk.file_system(given_config(DATABASE_URL="sqlite:////proc/notifier.db")).ok


def test_space_is_told(tmp_path: Path) -> None:
    found = disk.space(given_config(DATABASE_URL=f"sqlite:///{tmp_path}/notifier.db"))

    assert found.ok is (shutil.disk_usage(tmp_path).free >= disk.LEAST_FREE)
    assert found.detail.endswith("MB are free")
