"""`notifier user`: roles and one-time links."""

from notifier.store.database import Database
from notifier.store.users import use_link
from tests.cli.conftest import Terminal
from tests.world import SECRETS, World


def test_a_link_is_good_once_and_names_the_role(terminal: Terminal, sqlite_url: str) -> None:
    invited = terminal.json("user", "invite", "  Maria@Example.com ", "--role", "approver")

    assert (invited["email"], invited["role"]) == ("Maria@example.com", "approver")
    token = invited["link"].rpartition("/")[2]
    db = Database(sqlite_url, secrets=SECRETS)  # by this machine's clock, as the command
    with db.begin() as tx:
        assert use_link(tx, token) is not None
        assert use_link(tx, token) is None
    db.dispose()


def test_the_role_of_a_link_is_that_of_the_first_workspace(terminal: Terminal, world: World) -> None:
    second = terminal.json("workspace", "add", "Second Co")["id"]
    terminal.run("user", "invite", "maria@example.com", "--role", "viewer", "--workspace", second)
    terminal.run("user", "invite", "maria@example.com", "--role", "admin", "--workspace", world.workspace)

    assert terminal.json("user", "login-link", "maria@example.com")["role"] == "admin"


def test_several_workspaces_need_a_choice(terminal: Terminal) -> None:
    terminal.run("workspace", "add", "Second Co")

    assert "--workspace" in terminal.fails("user", "invite", "maria@example.com", "--role", "admin")
    terminal.fails("user", "invite", "maria@example.com", "--role", "admin", "--workspace", "ws_nobody")
    terminal.fails("user", "login-link", "maria@example.com")


def test_no_workspace_says_how_to_make_one(empty: Terminal) -> None:
    empty.run("db", "upgrade")

    assert "notifier workspace add" in empty.fails("user", "invite", "maria@example.com", "--role", "admin")


def test_what_is_not_one_address_is_wrong_usage(terminal: Terminal) -> None:
    for wrong in ("maria", "a@example.com,b@example.com", "Maria <maria@example.com>", "", "a@b@c"):
        terminal.fails("user", "invite", wrong, "--role", "admin", status=2)
        terminal.fails("user", "login-link", wrong, status=2)
