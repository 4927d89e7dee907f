"""A secret that is plain text, used as it is: the kind most ATSs let people type into a form."""

import secrets

#: A secret that somebody typed is refused when shorter; ours are 43 characters long.
SHORTEST = 16


def new() -> str:
    """256 random bits as URL-safe text, so that they survive copy and paste."""
    return secrets.token_urlsafe(32)


def check(secret: str) -> None:
    """Raise ValueError, saying what is wrong, unless `secret` can be typed, stored and signed with alike everywhere."""
    if not secret:
        raise ValueError("the secret is empty: anybody could sign with it")
    if secret != secret.strip():
        raise ValueError("the secret has a space or line end before or after it")
    if not (secret.isascii() and secret.isprintable()):
        raise ValueError("the secret has a character that is not printable ASCII")
    if len(secret) < SHORTEST:
        raise ValueError(f"the secret is shorter than {SHORTEST} characters")


def key(secret: str) -> bytes:
    """The bytes to sign with. Total: what `check` would refuse still gives bytes (none for an empty secret)."""
    return secret.encode("utf-8", "surrogatepass")
