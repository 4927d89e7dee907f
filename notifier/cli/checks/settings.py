"""What the configuration alone says, and what comes with the program."""

from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from config import Config
from notifier.cli.checks.found import Checks, Found, advice, fault, fine
from notifier.core.errors import TemplateFault
from notifier.deliver.lint import Level, lint
from notifier.deliver.template import Library

#: Zones that every complete list has.
KNOWN_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata")


def address(config: Config) -> Found:
    """Candidates and ATSs reach the public address from elsewhere, and encrypted."""
    parts = urlsplit(config.base_url)
    if parts.scheme != "https":
        return advice(
            f"{config.base_url} is reached from this machine only",
            "set BASE_URL to the https address that ATSs and candidates use, once there is one",
        )
    return fine(config.base_url)


def sending(config: Config) -> Found:
    """Whether anything may leave at all, by the configuration."""
    if config.sending == "shadow":
        return advice("SENDING is shadow: everything is drafted and nothing leaves", "set SENDING=live to go live")
    return fine("live")


def time_zones(config: Config) -> Found:
    """Windows and promises are meant in the workspace's time zone, so the list of zones must be there."""
    del config
    missing = [name for name in KNOWN_ZONES if name not in available_timezones()]
    if missing:
        return fault(f"unknown: {', '.join(missing)}", "install the package tzdata, or the system's time zone data")
    return fine(f"{len(available_timezones())} zones, {ZoneInfo(KNOWN_ZONES[0]).key} among them")


def templates(config: Config) -> Found:
    """Wording with an error in it does not leave."""
    fix = "run: notifier template lint"
    try:
        found = Library(config.templates_folder).all()
    except TemplateFault as broken:
        return fault(str(broken), fix)
    wrong = [f"{one.key}.{one.language}" for one in found for it in lint(one) if it.level is Level.ERROR]
    if wrong:
        return fault(f"errors in {', '.join(sorted(set(wrong)))}", fix)
    return fine(f"{len(found)} templates without an error")


CHECKS: Checks[Config] = {
    "public address": address,
    "sending": sending,
    "time zones": time_zones,
    "templates": templates,
}
