"""A SQLite file on a network disk is found before it loses rows."""

from pathlib import Path

import pytest

from notifier.store.place import NETWORK, file_of, file_system, network_file_system

MOUNTS = r"""
/dev/vda1 / ext4 rw,relatime 0 0
tmpfs /run tmpfs rw 0 0
files:/export /srv nfs4 rw,vers=4.2 0 0
/dev/vdb1 /srv/local xfs rw 0 0
//box/share /mnt/on\040the\040box cifs rw 0 0
me@box:/ /mnt/far fuse.sshfs rw 0 0
none /over ext4 rw 0 0
//box/other /over smb3 rw 0 0
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/notifier.db", "ext4"),
        ("/srv/notifier.db", "nfs4"),
        ("/srvother/notifier.db", "ext4"),
        ("/srv/local/var/notifier.db", "xfs"),
        ("/mnt/on the box/notifier.db", "cifs"),
        ("/mnt/far/notifier.db", "fuse.sshfs"),
        ("/over/notifier.db", "smb3"),
    ],
)
def test_s08_the_longest_and_latest_mount_point_counts(path: str, kind: str) -> None:
    assert file_system(Path(path), MOUNTS) == kind


def test_no_list_no_file_and_no_network_are_nothing(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    assert network_file_system("sqlite:////srv/notifier.db", mounts) == ""
    mounts.write_text(MOUNTS)
    assert network_file_system("sqlite:////srv/notifier.db", mounts) == "nfs4"
    assert network_file_system("sqlite:////srv/local/notifier.db", mounts) == ""
    assert network_file_system("postgresql+psycopg://db/notifier", mounts) == ""
    assert file_system(Path("/srv"), "") == ""


def test_s08_every_kind_that_is_a_network_is_known_by_its_name() -> None:
    assert {"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"} <= NETWORK
    assert not {"ext4", "xfs", "btrfs", "zfs", "apfs", "overlay", "tmpfs"} & NETWORK


def test_only_a_file_has_a_place(tmp_path: Path) -> None:
    assert file_of("sqlite://") is None
    assert file_of("sqlite:///var/notifier.db") == Path("var/notifier.db").resolve()
    assert file_of(f"sqlite:///{tmp_path}/notifier.db") == tmp_path / "notifier.db"
