"""What is wrong with Redis, and what is only unwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.cli.checks import redis
from notifier.cli.context import RedisFacts

HEALTHY = RedisFacts(policy="noeviction", persistent=True, used=1_000_000, limit=100_000_000)


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        (HEALTHY, ""),
        (RedisFacts(policy="noeviction", persistent=True, used=71, limit=100), "redis memory"),
        (RedisFacts(policy="noeviction", persistent=True, used=70, limit=100), ""),
        (RedisFacts(policy="allkeys-lru", persistent=True, limit=100), "redis eviction"),
        (RedisFacts(policy="noeviction", persistent=True, limit=100, open=True), "redis"),
        (RedisFacts(policy="noeviction", private=True, limit=100), ""),
    ],
)
def test_what_is_wrong_with_it_is_said(facts: RedisFacts, fault: str) -> None:
    found = {name: check(facts) for name, check in {**redis.FIRST, **redis.REST}.items()}

    assert [name for name, it in found.items() if not it.ok] == ([fault] if fault else [])


def test_what_is_only_unwise_is_a_note() -> None:
    bare = RedisFacts(policy="noeviction")

    assert redis.persistence(bare).ok
    assert redis.persistence(bare).fix
    assert redis.memory(bare).ok
    assert redis.memory(bare).fix


@given(
    facts=st.builds(
        RedisFacts,
        why=st.text(max_size=5),
        private=st.booleans(),
        open=st.booleans(),
        policy=st.text(max_size=5),
        persistent=st.booleans(),
        used=st.integers(0, 2**40),
        limit=st.integers(0, 2**40),
    )
)
def test_whatever_it_says_there_is_an_answer_with_words(facts: RedisFacts) -> None:
    for check in (*redis.FIRST.values(), *redis.REST.values()):
        found = check(facts)
        assert found.detail
        assert found.ok or found.fix
