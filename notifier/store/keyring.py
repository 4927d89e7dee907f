"""Personal data at rest: sealed under a ring of keys that can be rotated, and searchable without being readable.

A sealed value names the key that sealed it, so old rows stay readable while a key is being replaced: the first secret
seals, every secret on the ring opens. AES-GCM with the column's name as associated data, so that a value moved to
another column does not open. Addresses are found by a blind index (HMAC of the normalised address): equal addresses
have equal indexes, and without the secret nobody can try addresses against them.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_ID = 4
_NONCE = 12


def _derive(secret: str, purpose: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=f"notifier {purpose}".encode()).derive(secret.encode())


class CannotOpen(Exception):
    """A sealed value that no key on the ring opens: the key that sealed it is missing, or the value was changed."""


class KeyRing:
    """Seals with the first secret, opens with any.

    `secrets` are SECRET_KEY and then SECRET_KEY_FALLBACKS, newest first, at least one.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise ValueError("a key ring needs at least one secret")
        self._keys: dict[bytes, AESGCM] = {}
        for secret in secrets:
            key = _derive(secret, "column")
            self._keys.setdefault(hashlib.sha256(key).digest()[:_ID], AESGCM(key))
        self._first = next(iter(self._keys))
        self._index_keys = [_derive(secret, "blind index") for secret in secrets]

    def seal(self, text: str, column: str) -> bytes:
        """Encrypt `text` for the named column ("candidate.email")."""
        return self.seal_bytes(text.encode(), column)

    def open(self, sealed: bytes, column: str) -> str:
        """Decrypt; raises CannotOpen."""
        return self.open_bytes(sealed, column).decode()

    def seal_bytes(self, data: bytes, column: str) -> bytes:
        """As `seal`, for bytes."""
        nonce = os.urandom(_NONCE)
        return self._first + nonce + self._keys[self._first].encrypt(nonce, data, column.encode())

    def open_bytes(self, sealed: bytes, column: str) -> bytes:
        """As `open`, for bytes."""
        key = self._keys.get(sealed[:_ID])
        if key is None:
            raise CannotOpen(f"{column}: sealed under a key that is not on the ring")
        nonce, body = sealed[_ID : _ID + _NONCE], sealed[_ID + _NONCE :]
        try:
            return key.decrypt(nonce, body, column.encode())
        except InvalidTag as fault:
            raise CannotOpen(f"{column}: the value was changed or belongs to another column") from fault

    def blind(self, address: str) -> str:
        """The index under which a row with this address is kept from now on."""
        return self._blind(self._index_keys[0], address)

    def blinds(self, address: str) -> list[str]:
        """Every index under which a row with this address may stand, for searching while a key is being replaced."""
        return [self._blind(key, address) for key in self._index_keys]

    @staticmethod
    def _blind(key: bytes, address: str) -> str:
        return hmac.new(key, address.strip().casefold().encode(), hashlib.sha256).hexdigest()[:40]
