"""What the configuration alone says, and what comes with the program."""

from notifier.cli.checks import settings
from tests.cli.checks.conftest import given_config


def test_a_public_address_on_this_machine_is_a_note() -> None:
    assert settings.address(given_config()).fix
    assert not settings.address(given_config(BASE_URL="https://notifier.example.com")).fix


def test_shadow_is_a_note() -> None:
    assert settings.sending(given_config(SENDING="shadow")).fix
    assert not settings.sending(given_config()).fix


def test_the_products_own_templates_and_zones_are_there() -> None:
    assert settings.templates(given_config()).ok
    assert settings.time_zones(given_config()).ok
