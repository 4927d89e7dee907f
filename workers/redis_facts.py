"""How the Redis behind the queue is set up, for `notifier doctor`.

Only INFO is asked: CONFIG is refused by the private server, and by most that somebody else runs.
"""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from config import Config
from notifier.cli.context import RedisFacts
from workers.embedded import redis_url

#: Seconds to connect, and to wait for an answer.
PATIENCE = 3.0


def redis_facts(config: Config) -> RedisFacts:
    """Ask the configured Redis, or the private one. Never raises."""
    url = redis_url(config)
    try:
        client = Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=PATIENCE,
            socket_timeout=PATIENCE,
            decode_responses=True,
        )
    except ValueError:
        return RedisFacts(why="the address cannot be read")
    try:
        memory, persistence = _info(client, "memory"), _info(client, "persistence")
    except (RedisError, OSError) as fault:
        return RedisFacts(why=type(fault).__name__)
    finally:
        client.close()
    return RedisFacts(
        private=not config.redis_url,
        open=reached_openly(url),
        policy=str(memory.get("maxmemory_policy", "")),
        persistent=bool(persistence.get("aof_enabled")),
        used=int(memory.get("used_memory", 0)),
        limit=int(memory.get("maxmemory", 0)),
    )


def _info(client: Redis, section: str) -> dict[str, Any]:
    found: dict[str, Any] = client.info(section)
    return found


def reached_openly(url: str) -> bool:
    """Whether the Redis at this address is on another machine, and nobody is asked for a password."""
    parts = urlsplit(url)
    if parts.scheme == "unix" or parts.password:
        return False
    host = parts.hostname or "localhost"
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")
