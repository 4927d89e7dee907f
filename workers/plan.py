"""What the supervisor has to know of the configuration, which it never reads itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """`own_redis`: no REDIS_URL is given, so a private redis-server is started in the folder `var`."""

    host: str
    port: int
    processes: int
    own_redis: bool
    var: str
