"""Redis: it only wakes workers, so all of this costs seconds and never a message."""

from notifier.cli.checks.found import Checks, Found, advice, fault, fine
from notifier.cli.context import RedisFacts

#: The share of its memory above which it is time to look.
FULL = 0.7


def redis(facts: RedisFacts) -> Found:
    """It answers, and not to everybody."""
    if facts.why:
        return fault(
            f"it does not answer ({facts.why}); until it does the relay does the work, a little later",
            "start it, correct REDIS_URL, or start `notifier up`, which brings its own",
        )
    if facts.open:
        return fault(
            "it is on another machine and asks for no password: whoever reaches it can run jobs",
            "give it a password and TLS: REDIS_URL=rediss://user:password@host",
        )
    return fine("the private one" if facts.private else "it answers")


def eviction(facts: RedisFacts) -> Found:
    """When it is full it must refuse and not throw away what it holds."""
    policy = facts.policy
    if policy == "noeviction":
        return fine(policy)
    return fault(f"maxmemory-policy is {policy or 'not known'}", "set maxmemory-policy noeviction")


def persistence(facts: RedisFacts) -> Found:
    """Jobs that survive its restart are not waited for; the private one needs none."""
    if facts.private:
        return fine("the private one keeps nothing, the relay finds the work again")
    if not facts.persistent:
        return advice("appendonly is off: after its restart mail is some seconds late", "set appendonly yes")
    return fine("appendonly is on")


def memory(facts: RedisFacts) -> Found:
    """There is room."""
    used, limit = facts.used, facts.limit
    if not limit:
        return advice(f"{used // 1_000_000} MB used, no limit", "set maxmemory, so that it cannot take the machine's")
    words = f"{100 * used // limit} % of {limit // 1_000_000} MB used"
    if used > FULL * limit:
        return fault(words, "find what fills it (nudges are few and small), or raise maxmemory")
    return fine(words)


FIRST: Checks[RedisFacts] = {"redis": redis}

REST: Checks[RedisFacts] = {"redis eviction": eviction, "redis persistence": persistence, "redis memory": memory}
