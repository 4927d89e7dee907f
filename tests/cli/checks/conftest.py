"""A configuration for checks that look at nothing else."""

from config import Config, load
from tests.world import SECRETS


def given_config(**environ: str) -> Config:
    """A Config of these variables; the database is nowhere unless one of them says where."""
    return load({"SECRET_KEY": SECRETS[0], "DATABASE_URL": "sqlite:////nowhere/notifier.db", **environ})
