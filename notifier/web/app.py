"""The web application: blueprints, and the settings Flask needs, put together for one flow."""

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from prometheus_client import CollectorRegistry

from notifier.flow.parts import Flow
from notifier.web import errors, security
from notifier.web.auth import auth, guard, limiter
from notifier.web.counts import Ledgers
from notifier.web.dashboard import filters
from notifier.web.dashboard.decisions import decisions
from notifier.web.dashboard.mailbox import mailbox
from notifier.web.dashboard.pages import pages
from notifier.web.dashboard.trouble import trouble
from notifier.web.health import Counts, health
from notifier.web.hooks import hooks

#: Bytes of a form on the dashboard.
FORM_LIMIT = 64 * 1024


def make_app(flow: Flow, *, secret_keys: tuple[str, ...], trusted_hosts: tuple[str, ...], base_url: str) -> Flask:
    """Build the application. `secret_keys` are newest first; `base_url` is the public address."""
    app = Flask("notifier.web", template_folder="templates", static_folder="static")
    https = urlsplit(base_url).scheme == "https"
    app.config.update(
        SECRET_KEY=secret_keys[0],
        SECRET_KEY_FALLBACKS=list(secret_keys[1:]),
        TRUSTED_HOSTS=list(trusted_hosts),
        MAX_CONTENT_LENGTH=FORM_LIMIT,
        HTTPS=https,
        SESSION_COOKIE_NAME="__Host-notifier_form" if https else "notifier_form",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(days=1),
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=https,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(hours=1),
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["flow"] = flow
    app.extensions["ledgers"] = ledgers = Ledgers(flow)
    app.extensions["metrics"] = registry = CollectorRegistry()
    registry.register(Counts(ledgers))
    security.protect(app, https=https)
    errors.handle(app)
    filters.add(app)
    limiter.init_app(app)
    csrf = CSRFProtect(app)
    # A webhook proves itself by its signature; it has neither a cookie nor a form.
    csrf.exempt(hooks)
    for blueprint in (auth, pages, decisions, trouble, mailbox, hooks, health):
        app.register_blueprint(blueprint)
    app.before_request(guard)
    return app
