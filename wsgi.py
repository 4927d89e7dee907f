"""The web process: configuration and queue put into the application, for any WSGI server."""

import sys

from config import ConfigError, load
from notifier.app import create_app
from workers.embedded import redis_url
from workers.queues import RedisQueue

#: The exit code at which gunicorn gives up, instead of starting the same mistake again and again.
GIVE_UP = 4

try:
    _config = load()
except ConfigError as fault:
    print(f"The configuration is wrong:\n{fault}", file=sys.stderr)
    sys.exit(GIVE_UP)

app = create_app(_config, RedisQueue(redis_url(_config)))
