"""`notifier user`: who may sign in. There are no passwords; a link works once, and for half an hour."""

import click

from notifier.cli.context import Group, as_json, config, database, one_of_several
from notifier.cli.printing import show_one
from notifier.core.errors import NotFound
from notifier.deliver.address import address
from notifier.store.users import Role, find_user, invite, make_link, roles_of
from notifier.store.workspaces import only_workspace


@click.group(cls=Group)
def user() -> None:
    """People who sign in to the dashboard."""


def _checked(context: click.Context, parameter: click.Parameter, given: str) -> str:
    del context, parameter
    normal = address(given)
    if normal is None:
        raise click.BadParameter(f"{given!r} is not one e-mail address")
    return normal


def _link(token: str) -> str:
    return f"{config().base_url}/sign-in/{token}"


email_argument = click.argument("email", callback=_checked)


@user.command("invite")
@email_argument
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@one_of_several
@as_json
def invite_user(email: str, role: str, workspace_id: str | None, json_wanted: bool) -> None:
    """Give EMAIL a role in a workspace, and print a one-time sign-in link."""
    with database() as db, db.begin() as tx:
        found = invite(tx, email, only_workspace(tx, workspace_id).id, Role(role))
        link = _link(make_link(tx, found))
    show_one({"email": email, "role": role, "link": link}, json_wanted=json_wanted)


@user.command("login-link")
@email_argument
@as_json
def login_link(email: str, json_wanted: bool) -> None:
    """Print a fresh one-time sign-in link for EMAIL, with the role in the first of their workspaces."""
    with database() as db, db.begin() as tx:
        found = find_user(tx, email)
        if found is None:
            raise NotFound(f"nobody was invited as {email}; run: notifier user invite {email} --role recruiter")
        roles = roles_of(tx, found.id)
        link = _link(make_link(tx, found))
    # Ids of workspaces are in the order of time.
    role = roles[min(roles)].value if roles else None
    show_one({"email": email, "role": role, "link": link}, json_wanted=json_wanted)
