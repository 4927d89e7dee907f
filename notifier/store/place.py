"""Where the file of a SQLite database lies.

SQLite keeps its promises by locks and shared memory that network file systems do not carry from one host to another:
two hosts on one file lose rows without an error. So a file on one of them is found before it is used.
"""

import re
from pathlib import Path

from sqlalchemy.engine import URL, make_url

#: Types of file systems, as in /proc/mounts, whose disk is another machine's. FUSE says "fuse." and the program's name.
NETWORK = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.ceph", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs",
        "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "fuse.vmhgfs-fuse", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs",
        "nfs", "nfs3", "nfs4", "ocfs2", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf",
    }
)  # fmt: skip

#: Where Linux lists what is mounted; nothing is known where there is no such file.
MOUNTS = Path("/proc/mounts")

_OCTAL = re.compile(r"\\([0-7]{3})")


def file_of(url: str | URL) -> Path | None:
    """The absolute path of a SQLite database's file; `None` for every other database, and for one in memory."""
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite" or parts.database in (None, "", ":memory:"):
        return None
    return Path(str(parts.database)).resolve()


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that holds an absolute path, by a text like /proc/mounts; "" if it names none."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_OCTAL.sub(lambda code: chr(int(code[1], 8)), fields[1]))
        # The last one mounted at the same place hides those before it.
        if len(point.parts) >= best and path.is_relative_to(point):
            best, kind = len(point.parts), fields[2]
    return kind


def network_file_system(url: str | URL, mounts: Path = MOUNTS) -> str:
    """The type of the network file system that a SQLite database lies on; "" if it lies on none or nobody knows."""
    path = file_of(url)
    try:
        kind = file_system(path, mounts.read_text(encoding="utf-8", errors="replace")) if path else ""
    except OSError:
        return ""
    return kind if kind in NETWORK else ""
