"""The demo never touches a real installation."""

import socket

from config import Config, load
from workers.demo import free_port, settings_for


def test_no_setting_of_the_operator_reaches_the_demo() -> None:
    given = {name.upper(): "value" for name in Config.model_fields}
    given |= {f"{name}_FILE": "/run/secret" for name in given}

    kept = settings_for(given | {"PATH": "/bin", "PORT": "8123", "LOG_LEVEL": "INFO"})

    assert kept == {"PATH": "/bin", "PORT": "8123", "LOG_LEVEL": "INFO", "LOG_FORMAT": "value"}


def test_without_any_setting_it_is_the_mailbox_on_this_machine() -> None:
    config = load(settings_for({}) | {"SECRET_KEY": "x" * 40})

    assert config.mail_provider == "mailbox"
    assert config.database_url.startswith("sqlite:///var/")
    assert config.base_url == f"http://127.0.0.1:{config.port}"


def test_a_port_that_is_taken_is_replaced_by_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        other = free_port(port)

    assert other not in {0, port}
    assert free_port(port) == port
