"""The people who sign in: users, their roles, one-time links and sign-ins.

There are no passwords. A link is a random token kept only as a hash, good once and for a short time; a sign-in is a
row, so that it can be ended at once. (The table is called sign_ins because a database session is something else.)
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from notifier.core.errors import NotFound
from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id, token

LINK_LIFE = timedelta(minutes=30)
IDLE_LIMIT = timedelta(hours=12)
ABSOLUTE_LIMIT = timedelta(days=7)


class Role(StrEnum):
    """admin: everything. recruiter: decides on messages. approver: approves and holds. viewer: looks."""

    ADMIN = "admin"
    RECRUITER = "recruiter"
    APPROVER = "approver"
    VIEWER = "viewer"


class User(Base):
    """A person who signs in. The address is sealed, and found by its blind index."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[bytes]
    address_index: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class Membership(Base):
    """What a user may do in a workspace."""

    __tablename__ = "memberships"

    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.id"), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"), primary_key=True)
    role: Mapped[Role]


class SignInLink(Base):
    """A one-time link; only the hash of its token is kept."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.id"))
    not_after: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignIn(Base):
    """One signed-in browser; only the hash of its cookie is kept."""

    __tablename__ = "sign_ins"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.id"))
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def find_user(tx: Tx, address: str) -> User | None:
    """The user with this address, whichever key of the ring indexed it."""
    query = sa.select(User).where(User.address_index.in_(tx.keyring.blinds(address)))
    return tx.session.scalars(query).one_or_none()


def invite(tx: Tx, address: str, workspace_id: str, role: Role) -> User:
    """Give this person a role in the workspace, creating the user the first time. The address was checked before."""
    user = find_user(tx, address)
    if user is None:
        user = User(
            id=new_id("usr"),
            address=tx.keyring.seal(address, "user.address"),
            address_index=tx.keyring.blind(address),
            created_at=tx.now,
        )
        tx.session.add(user)
        tx.session.flush()
    tx.session.merge(Membership(user_id=user.id, workspace_id=workspace_id, role=role))
    tx.session.flush()
    return user


def make_link(tx: Tx, user: User) -> str:
    """A fresh one-time token for this user. Raises NotFound for a disabled one."""
    if user.disabled_at is not None:
        raise NotFound("this user is disabled")
    text = token()
    tx.session.add(SignInLink(token_hash=_hash(text), user_id=user.id, not_after=tx.now + LINK_LIFE))
    tx.session.flush()
    return text


def link_is_good(tx: Tx, text: str) -> bool:
    """Whether the link could be used now; uses nothing up."""
    row = tx.session.get(SignInLink, _hash(text))
    return row is not None and row.used_at is None and row.not_after > tx.now


def use_link(tx: Tx, text: str) -> str | None:
    """Spend the link and start a sign-in; returns the new cookie's token, or `None` if the link is no good."""
    spent = tx.session.execute(
        sa.update(SignInLink)
        .where(SignInLink.token_hash == _hash(text), SignInLink.used_at.is_(None), SignInLink.not_after > tx.now)
        .values(used_at=tx.now)
        .returning(SignInLink.user_id)
    ).scalar_one_or_none()
    if spent is None:
        return None
    cookie = token()
    tx.session.add(SignIn(token_hash=_hash(cookie), user_id=spent, started_at=tx.now, seen_at=tx.now))
    tx.session.flush()
    return cookie


def signed_in(tx: Tx, cookie: str) -> tuple[User, dict[str, Role]] | None:
    """The user behind a cookie and their role per workspace, or `None` when the sign-in has ended."""
    row = tx.session.get(SignIn, _hash(cookie))
    if row is None or row.ended_at is not None:
        return None
    if tx.now - row.seen_at > IDLE_LIMIT or tx.now - row.started_at > ABSOLUTE_LIMIT:
        return None
    user = tx.session.get(User, row.user_id)
    if user is None or user.disabled_at is not None:
        return None
    return user, roles_of(tx, user.id)


def roles_of(tx: Tx, user_id: str) -> dict[str, Role]:
    """A user's role in each of their workspaces."""
    memberships = tx.session.scalars(sa.select(Membership).where(Membership.user_id == user_id))
    return {membership.workspace_id: membership.role for membership in memberships}


def addresses_of(tx: Tx, user_ids: Iterable[str]) -> dict[str, str]:
    """The addresses of those of these ids that are users', for saying who decided something."""
    found = tx.session.scalars(sa.select(User).where(User.id.in_(sorted(set(user_ids)))))
    return {user.id: tx.keyring.open(user.address, "user.address") for user in found}


def seen(tx: Tx, cookie: str) -> None:
    """Push the idle limit on; the caller does this at most once in a few minutes."""
    tx.session.execute(sa.update(SignIn).where(SignIn.token_hash == _hash(cookie)).values(seen_at=tx.now))


def sign_out(tx: Tx, cookie: str) -> None:
    """End the sign-in at once."""
    tx.session.execute(
        sa.update(SignIn).where(SignIn.token_hash == _hash(cookie), SignIn.ended_at.is_(None)).values(ended_at=tx.now)
    )


def last_seen(tx: Tx, cookie: str) -> datetime | None:
    """When this sign-in was last noted as seen."""
    row = tx.session.get(SignIn, _hash(cookie))
    return row.seen_at if row is not None else None
