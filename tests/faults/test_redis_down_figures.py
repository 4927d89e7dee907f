"""C12 and C13, with figures: Redis stopped, and Redis that takes connections and never answers.

Real `notifier web`, real `notifier relay`, no worker at all: every webhook is answered in less than a second, and every
mail arrives by the relay. The figures are printed (`pytest -rP`). Stopped for ten minutes or for some seconds is the
same to every part: nothing remembers how long Redis has been away.
"""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Databases
from tests.faults.children import wait_until
from tests.faults.site import Site, figures, site

#: Webhooks for each fault, and seconds between two, so that more than one of them looks whether Redis is back.
COUNT, PAUSE = 20, 0.1

#: Seconds: an ATS has its answer within (and what this machine, which may have more to do, takes with Redis up), a
#: candidate has her mail within.
ANSWERED, MAILED = 1.0, 30.0


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def installed(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One installation for both faults, on each kind of database."""
    folder = tmp_path_factory.mktemp(request.param)
    url = databases.postgresql() if request.param == "postgresql" else databases.sqlite(folder / "notifier.db")
    with site(folder, url) as made:
        yield made


def all_is_well(installed: Site, prefix: str) -> None:
    """Post until the web process has told Redis: it looks once a second whether it is back."""
    with installed.redis.client() as redis:
        wait_until(lambda: installed.arrive(f"{prefix}{time.monotonic()}", 1, pause=0.1) and redis.keys("rq:job:*"))


def without_redis(installed: Site, name: str, fault: Callable[[], None]) -> None:
    """Post during the fault; every figure of it is printed, and asserted."""
    for log in (installed.web_log, installed.log):
        log.write_bytes(b"")
    all_is_well(installed, f"before-{name}-")
    with installed.relay():
        installed.all_arrive_once()
        usual = installed.arrive(f"usual-{name}-", COUNT // 2)
        fault()
        begin = time.monotonic()
        took = installed.arrive(name, COUNT, pause=PAUSE)
        assert max(took) < ANSWERED + max(usual)
        ready = installed.readiness()
        installed.all_arrive_once(MAILED)
        print(f"Redis up: webhooks {figures(usual)}")
        print(f"Redis {name}: webhooks {figures(took)}; all mails {time.monotonic() - begin:.1f} s after the first")
    assert (ready["ok"], ready["checks"]["redis"]["ok"], ready["checks"]["database"]["ok"]) == (False, False, True)
    assert "queue.away" in installed.web_log.read_text()
    assert "relay.works_alone" in installed.log.read_text()


@pytest.mark.alone
def test_c12_with_redis_stopped_webhooks_are_answered_in_a_second_and_mail_flows(installed: Site) -> None:
    without_redis(installed, "stopped", installed.redis.kill)
    installed.redis.start()


@pytest.mark.alone
def test_c13_with_redis_hung_webhooks_are_answered_in_a_second_and_mail_flows(installed: Site) -> None:
    without_redis(installed, "hung", installed.redis.hang)
    installed.redis.go_on()
