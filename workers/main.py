"""The command `notifier`: the processes, and everything in `notifier.cli`.

Each command imports what it needs when it runs: `notifier up` stays as small as the standard library, and `notifier
relay` does not load the dashboard's commands.
"""

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from config import Config


class Commands(click.Group):
    """The commands below and those of `notifier.cli`, which is loaded when one of them is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in alphabetical order."""
        return sorted({*super().list_commands(ctx), *_others(ctx).list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of ours, else one of the others."""
        return super().get_command(ctx, cmd_name) or _others(ctx).get_command(ctx, cmd_name)


def _others(ctx: click.Context) -> click.Group:
    """The commands of `notifier.cli`, and in the context how they reach the queue and what they can ask its Redis."""
    from notifier.cli.context import Setting
    from notifier.cli.main import cli
    from workers.embedded import redis_url
    from workers.queues import RedisQueue
    from workers.redis_facts import redis_facts

    ctx.obj = Setting(queue_for=lambda config: RedisQueue(redis_url(config)), redis_facts=redis_facts)
    return cli


def _config() -> "Config":
    from config import load

    return load()


@click.version_option(package_name="candidate-notifier", prog_name="notifier")
@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Tell every candidate where they stand: ATS webhooks in, short e-mails out, a ledger of who still waits."""


@commands.command()
def up() -> None:
    """Run everything on this machine: web, worker, relay, and a private redis-server unless REDIS_URL is set."""
    # A process of its own without click, because it stays for as long as everything runs.
    os.execv(sys.executable, [sys.executable, "-m", "workers.supervisor"])  # noqa: S606 - our own command line


@commands.command()
def web() -> None:
    """Run the web process: webhooks and the dashboard."""
    config = _config()
    from workers.web import command, host_for

    words = command(host_for(config.base_url), config.port, config.web_concurrency)
    os.execv(words[0], words)  # noqa: S606 - our own command line


@commands.command()
@click.option("--with-relay", is_flag=True, help="Be the relay too; for one machine.")
def worker(with_relay: bool) -> None:
    """Run a worker: plans and sends, woken through Redis. Start as many as there is work."""
    config = _config()
    from workers import worker

    worker.run(config, with_relay=with_relay)


@commands.command()
def relay() -> None:
    """Run a relay: finds what is due or forgotten. One is enough, a second one is for safety."""
    config = _config()
    from workers import relay

    relay.run(config)


@commands.command()
@click.option("--exit", "then_exit", is_flag=True, help="Wait until every e-mail has arrived, check, and end.")
def demo(then_exit: bool) -> None:
    """Show it: a made-up company, its candidates' webhooks, and the e-mails they get."""
    from workers import demo

    sys.exit(demo.run(then_exit=then_exit))


def main() -> None:
    """The program. A wrong configuration is all its mistakes in one list and exit 2."""
    try:
        commands()
    except Exception as fault:
        from config import ConfigError

        if not isinstance(fault, ConfigError):
            raise
        click.echo(f"The configuration is wrong, nothing was started:\n{fault}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
