"""Facts about people: the only module that writes `User`.

What these facts mean for somebody's roles and memberships is up to the engine; the caller of these functions settles
the person afterwards, in the same transaction.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import (
    UNUSABLE_PASSWORD_PREFIX,
    UNUSABLE_PASSWORD_SUFFIX_LENGTH,
    make_password,
)
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError

from orgs import history, invitations, queue
from orgs.change_details import PersonDetail, UserActivated, UserDeactivated, UserSignedOut
from orgs.db import cached_write
from orgs.db.keys import fold
from orgs.db.transactions import command, violated
from orgs.history import Cause, Effect
from orgs.models import Change, HandPlacement, Organization, User

DEACTIVATIONS = 64
"""Times of deactivation that are kept of one account, the last ones."""


class NotAnAddress(Exception):
    """This is not an e-mail address."""


class UnknownPerson(Exception):
    """There is no such account, or it has been deleted."""


class UserNameTaken(Exception):
    """A live user of this org has the userName (SPEC U2)."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an IdP says about a person: the columns of `User` that it may write, as described there."""

    user_name: str
    login_email: str | None
    external_id: str = ""
    active: bool = True
    display_name: str = ""
    given_name: str = ""
    family_name: str = ""
    email_keys: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    folded: Mapping[str, Any] = field(default_factory=dict)
    extension_urn: str = ""
    idp_roles: tuple[str, ...] | None = None
    placement_id: UUID | None = None


FACTS = tuple(column.name for column in fields(Facts))


def facts_of(user: User) -> Facts:
    """What the IdP has said about `user` so far."""
    return Facts(
        user_name=user.user_name,
        login_email=user.login_email,
        external_id=user.external_id,
        active=user.active,
        display_name=user.display_name,
        given_name=user.given_name,
        family_name=user.family_name,
        email_keys=tuple(user.email_keys),
        attributes=user.attributes,
        folded=user.folded,
        extension_urn=user.extension_urn,
        placement_id=user.placement_id,
        idp_roles=None if user.idp_roles is None else tuple(user.idp_roles),
    )


def add_owner(*, org: Organization, email: str, cause: Cause) -> User:
    """The owner account of a new org (SPEC O8). It has no password until the owner sets one.

    Its address is compared with nobody's userName. Raises NotAnAddress.
    """
    try:
        validate_email(email)
    except ValidationError as error:
        raise NotAnAddress(email) from error
    owner = User(
        org=org,
        is_owner=True,
        user_name=email,
        login_email=fold(email),
        created_at=cause.at,
        modified_at=cause.at,
    )
    owner.set_unusable_password()
    _save(owner)
    return owner


def hand_over_owner(*, org: Organization, address: str, at: datetime) -> User:
    """Give an org's owner account another address. Password, sessions, links and invitations of before end (SPEC U13).

    address: a valid one. The names, which were somebody else's, go.
    """
    owner = User.objects.for_org(org).select_for_update(no_key=True).get(is_owner=True)
    invitations.end_with(owner, at)
    owner.user_name, owner.login_email = address, fold(address)
    owner.given_name = owner.family_name = owner.display_name = ""
    owner.attributes, owner.folded, owner.email_keys = {}, {}, []
    owner.last_login = None
    owner.set_unusable_password()
    end_sessions(owner)
    owner.revision += 1
    owner.modified_at = at
    _save(owner)
    return owner


def add(*, org: Organization, facts: Facts, at: datetime) -> tuple[User, list[Effect]]:
    """A new person whom SCIM manages. Raises UserNameTaken."""
    # What set_unusable_password sets, at a twentieth of its cost.
    password = UNUSABLE_PASSWORD_PREFIX + secrets.token_urlsafe(UNUSABLE_PASSWORD_SUFFIX_LENGTH)
    user = User(org=org, scim_managed=True, created_at=at, modified_at=at, password=password)
    _assign(user, facts)
    _save(user)
    return user, [Effect(user.id, "account", None, _account(user))]


def add_invited(
    *, org: Organization, address: str, names: tuple[str, str], roles: list[str], password: str, at: datetime
) -> tuple[User, list[Effect]]:
    """A new person whom SCIM does not manage, until it adopts them (SPEC U13, U3). names: given and family.

    Raises UserNameTaken.
    """
    given, family = names
    user = User(
        org=org,
        user_name=address,
        login_email=fold(address),
        given_name=given,
        family_name=family,
        folded={"name": {key: fold(name) for key, name in (("givenName", given), ("familyName", family)) if name}},
        manual_roles=roles,
        created_at=at,
        modified_at=at,
    )
    user.set_password(password)
    _save(user)
    return user, [Effect(user.id, "account", None, _account(user))]


def change(*, user: User, facts: Facts, at: datetime) -> list[Effect] | None:
    """Write what differs; somebody invited by hand is from then on managed by SCIM (SPEC U3).

    user: locked by the caller. Returns None if nothing differed; the revision then stays the same too.
    Raises UserNameTaken.
    """
    was = _account(user)
    written = _assign(user, facts)
    if not user.scim_managed:
        user.scim_managed = True
        written.append("scim_managed")
    if not written:
        return None
    if "active" in written:
        written += [] if user.active else _deactivated(user, at)
    user.revision += 1
    user.modified_at = at
    _save(user, update_fields=[*written, "revision", "modified_at"])
    now = _account(user)
    return [Effect(user.id, "account", was, now)] if was != now else []


def delete(*, user: User, at: datetime) -> list[Effect]:
    """Hide a person from SCIM and close their account; the record stays (SPEC U5).

    Everything that was set by hand ends for good, so that a later revival does not bring it back (SPEC U3).
    """
    was = _account(user)
    HandPlacement.objects.filter(user=user).delete()
    invitations.end_with(user, at)
    user.active = False
    user.deactivated_at = []
    user.deleted_at = user.modified_at = at
    user.login_email = None
    user.manual_roles = None
    user.revision += 1
    user.set_unusable_password()
    end_sessions(user)
    user.save()
    return [Effect(user.id, "account", was, _account(user))]


def revive(*, user: User, facts: Facts, at: datetime) -> list[Effect]:
    """Bring back somebody whom SCIM deleted, with what this request says and nothing else (SPEC U3)."""
    was = _account(user)
    user.deleted_at = None
    _assign(user, facts)
    user.revision += 1
    user.modified_at = at
    _save(user)
    return [Effect(user.id, "account", was, _account(user))]


def erase(*, user: User, at: datetime) -> list[Effect]:
    """Leave nothing of a deleted person but the id (SPEC U5). user: locked by the caller."""
    was = _account(user)
    _assign(user, Facts(user_name="", login_email=None, active=False))
    user.manual_roles = None
    user.deactivated_at = []
    user.last_login = None
    user.erased_at = user.modified_at = at
    user.revision += 1
    user.set_unusable_password()
    end_sessions(user)
    user.save()
    return [Effect(user.id, "account", was, _account(user))]


def add_erased(*, org: Organization, user_id: UUID, at: datetime) -> User:
    """Make an id known again as that of somebody who was erased, where a restored database does not have it."""
    user = User(
        id=user_id,
        org=org,
        user_name="",
        active=False,
        scim_managed=True,
        created_at=at,
        modified_at=at,
        deleted_at=at,
        erased_at=at,
    )
    user.set_unusable_password()
    user.save(force_insert=True)
    return user


def restate(user: User, *, attributes: Mapping[str, Any], folded: Mapping[str, Any]) -> bool:
    """Write what is stored of somebody in another form, which changes no fact. Returns whether it was written.

    user: not locked; one that was written since it was read stays as it is.
    """
    rows = User.objects.for_org(user.org_id).filter(pk=user.pk, revision=user.revision)
    return bool(rows.update(attributes=attributes, folded=folded))


def forget_another(user: User, *, attributes: Mapping[str, Any], folded: Mapping[str, Any]) -> None:
    """Write what is left of somebody's attributes without another, who was erased (SPEC U5). user: locked."""
    user.attributes, user.folded = dict(attributes), dict(folded)
    user.revision += 1
    user.save(update_fields=["attributes", "folded", "revision"])


def set_manual_roles(*, user: User, roles: list[str] | None, at: datetime) -> bool:
    """Set the roles that an admin gives by hand (SPEC R1). Returns whether they changed. user: locked by the caller."""
    if user.manual_roles == roles:
        return False
    user.manual_roles = roles
    user.revision += 1
    user.modified_at = at
    user.save(update_fields=["manual_roles", "revision", "modified_at"])
    return True


def set_password(*, user: User, password: str) -> bool:
    """Set the password that the account's holder chose, and end every open session. Returns whether it was set.

    user: as it was when the form was offered. An account that has been closed since then gets no password: an IdP may
    be deactivating it at this very moment (SPEC U4).
    """
    same_account = User.objects.filter(pk=user.pk, active=True, deleted_at=None, session_epoch=user.session_epoch)
    return bool(same_account.update(password=make_password(password)))


@command
def switch(*, user_id: UUID, active: bool, cause: Cause) -> bool:
    """Deactivate an account and end its sessions, or activate it again, for support. Returns whether it changed.

    A worker settles the person: held memberships and conflicts depend on it. Raises UnknownPerson for somebody whom
    SCIM deleted.
    """
    user = _locked(user_id)
    if user.deleted_at is not None:
        raise UnknownPerson(user_id)
    if user.active == active:
        return False
    was = _account(user)
    cause = cause.under_locks()
    user.active = active
    written = [] if active else _deactivated(user, cause.at)
    user.revision += 1
    user.modified_at = cause.at
    user.save(update_fields=["active", *written, "revision", "modified_at"])
    kind = UserActivated if active else UserDeactivated
    change = _record(user, cause, kind(user=str(user.id)), [Effect(user.id, "account", was, _account(user))])
    if change is not None:
        queue.mark(change.org_id, [user.id], change.id)
    return True


@command
def sign_out(*, user_id: UUID, cause: Cause) -> None:
    """End every session of a person; they may sign in again. Raises UnknownPerson."""
    user = _locked(user_id)
    end_sessions(user)
    user.save(update_fields=["session_epoch"])
    _record(user, cause, UserSignedOut(user=str(user.id)))


def _locked(user_id: UUID) -> User:
    user = User.objects.select_related("org").select_for_update(of=("self",), no_key=True).filter(id=user_id).first()
    if user is None:
        raise UnknownPerson(user_id)
    return user


def _record(user: User, cause: Cause, detail: PersonDetail, effects: Sequence[Effect] = ()) -> Change | None:
    # Staff belong to no org and so have no history; the admin has its own log of them.
    if user.org is None:
        return None
    return history.record(user.org, cause, detail, effects)


def end_sessions(user: User) -> str:
    """Invalidate every session and reset link of `user` for good (SPEC U4). Returns the column to save."""
    user.session_epoch += 1
    return "session_epoch"


def _deactivated(user: User, at: datetime) -> list[str]:
    """Note that an account was deactivated, which ends much else (SPEC U4, M2). The columns to save."""
    invitations.end_with(user, at)
    user.deactivated_at = [*user.deactivated_at, at][-DEACTIVATIONS:]
    return ["deactivated_at", end_sessions(user)]


def _assign(user: User, facts: Facts) -> list[str]:
    """Set what differs. Returns the names of those columns."""
    present = facts_of(user)
    written = [name for name in FACTS if getattr(facts, name) != getattr(present, name)]
    for name in written:
        value = getattr(facts, name)
        setattr(user, name, list(value) if isinstance(value, tuple) else value)
    return written


def _account(user: User) -> str | None:
    if user.erased_at is not None:
        return "erased"
    if user.deleted_at is not None:
        return "deleted"
    if not user.scim_managed:
        return "invited"
    return "active" if user.active else "inactive"


def _save(user: User, update_fields: list[str] | None = None) -> None:
    """Save; uniqueness is left to the constraints, and a violation ends the current transaction or savepoint."""
    try:
        if user._state.adding:
            cached_write.insert(user)
        elif update_fields is None:
            user.save()
        else:
            cached_write.update(user, update_fields, postponed="user_name" not in update_fields)
    except IntegrityError as error:
        if violated(error) == "user_name_once_among_people":
            raise UserNameTaken(user.user_name) from error
        raise
