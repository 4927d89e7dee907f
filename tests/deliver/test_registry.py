import subprocess
import sys

import pytest

from notifier.deliver.email import ProviderSettings
from notifier.deliver.registry import open_provider, provider_names


def test_the_folder_is_the_registry() -> None:
    assert provider_names() == ("mailbox", "sendgrid", "smtp")


def test_a_provider_is_opened_by_its_name() -> None:
    provider = open_provider("smtp", ProviderSettings(smtp_url="smtp://127.0.0.1:25"))

    assert provider.name == "smtp"


def test_an_unknown_name_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no mail provider 'pigeon'; there are: mailbox, sendgrid, smtp"):
        open_provider("pigeon", ProviderSettings())


@pytest.mark.parametrize(
    ("name", "settings", "why"),
    [
        ("mailbox", ProviderSettings(), "a place"),
        ("smtp", ProviderSettings(), "write smtp://"),
        ("sendgrid", ProviderSettings(), "key is empty"),
        ("sendgrid", ProviderSettings(sendgrid_api_key="SG.a\nb"), "line break"),
        ("sendgrid", ProviderSettings(sendgrid_api_key="SG.a", sendgrid_api_url="api.sendgrid.com"), "https://"),
        ("sendgrid", ProviderSettings(sendgrid_api_key="SG.a", sendgrid_api_url="https://x.example/v3"), "a path"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(name: str, settings: ProviderSettings, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        open_provider(name, settings)


def test_a_vendors_library_is_loaded_only_for_its_provider() -> None:
    script = (
        "import sys; from notifier.deliver.registry import open_provider, provider_names; "
        "from notifier.deliver.email import ProviderSettings; provider_names(); "
        "open_provider('mailbox', ProviderSettings(keep=print)); sys.exit('sendgrid' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
