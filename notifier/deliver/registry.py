"""Which mail providers are supported: those that have a file in `notifier.deliver.providers`.

There is no list to maintain. A provider's module, and with it the vendor's library, is imported only when it is opened.
"""

import importlib
import pkgutil

from notifier.deliver import providers
from notifier.deliver.email import Provider, ProviderSettings


def provider_names() -> tuple[str, ...]:
    """The words that MAIL_PROVIDER may have, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(providers.__path__)))


def open_provider(name: str, settings: ProviderSettings) -> Provider:
    """The provider called `name`, ready to send.

    Raises ValueError for an unknown name and for settings the provider cannot work with, TypeError if the file does
    not call its provider as itself.
    """
    if name not in provider_names():
        raise ValueError(f"no mail provider {name!r}; there are: {', '.join(provider_names())}")
    module = importlib.import_module(f"{providers.__name__}.{name}")
    provider: Provider = module.open_provider(settings)
    if provider.name != name:
        raise TypeError(f"{module.__name__} calls its provider {provider.name!r}; name it as its file")
    return provider
