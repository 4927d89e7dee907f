"""What must be right before anything starts: `python -m workers.prepare`.

A process of its own, because checking the configuration and migrating the database load 60 MB of code that the
supervisor, which waits for the answer, would keep for as long as it lives. The answer is one line of JSON on standard
output: `Plan`. A wrong configuration is exit 2 and all its mistakes, a database that cannot be migrated exit 1.
"""

import json
import sys
from dataclasses import asdict

from config import Config, ConfigError, load
from workers.plan import Plan
from workers.signals import Stop
from workers.web import host_for

#: Seconds between two tries while the database is away, at first and at most.
FIRST, LONGEST = 0.5, 10.0


def migrate(config: Config, stop: Stop) -> bool:
    """Bring the database to this code's schema, waiting for it if it is away; false if that cannot be done."""
    # Only now: a mistake in the configuration is told at once.
    import sqlalchemy as sa

    from notifier.app import open_database
    from notifier.core.errors import Refused
    from notifier.store import schema

    db = open_database(config)
    pause = FIRST
    while not stop():
        try:
            schema.upgrade(db)
            return True
        except sa.exc.OperationalError as fault:
            print(f"the database is away ({type(fault.orig).__name__}), trying again", file=sys.stderr, flush=True)
            stop.wait(pause)
            pause = min(2 * pause, LONGEST)
        except Refused as fault:  # mostly: a newer version of the product has been here
            print(fault, file=sys.stderr)
            return False
        finally:
            db.dispose()
    return False


def main() -> int:
    """Check, migrate, answer; returns the exit code."""
    stop = Stop()
    stop.listen()
    try:
        config = load()
    except ConfigError as fault:
        print(f"The configuration is wrong, nothing was started:\n{fault}", file=sys.stderr)
        return 2
    if not migrate(config, stop):
        return 1
    plan = Plan(
        host=host_for(config.base_url),
        port=config.port,
        processes=config.web_concurrency,
        own_redis=not config.redis_url,
        var=str(config.var_folder),
    )
    print(json.dumps(asdict(plan)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
