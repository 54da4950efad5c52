"""Facts about people: the only module that writes `User`.

What these facts mean for somebody's roles and memberships is up to the engine; the caller of these functions settles
the person afterwards, in the same transaction.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import (
    UNUSABLE_PASSWORD_PREFIX,
    UNUSABLE_PASSWORD_SUFFIX_LENGTH,
    make_password,
)
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError

from orgs import domains, feed, history, invitations, past, sessions, setup_links, time_zones
from orgs.activity import Activity
from orgs.change_details import UserRenamed, UserSignedOut
from orgs.db import cached_write
from orgs.db.keys import fold
from orgs.db.transactions import command, postpone, violated
from orgs.history import Cause, Effect
from orgs.models import HandPlacement, IdentityLink, Organization, User
from orgs.staff_groups import StaffRole

Documents = Callable[[Any], Mapping[str, Any]]
"""What filters read of a person or a group, by column, as it follows from what was said of them."""

DEACTIVATIONS = 64
"""Times of deactivation that are kept of one account, the last ones."""


class NotAnAddress(Exception):
    """This is not an e-mail address."""


class UnknownPerson(Exception):
    """There is no such account, or it has been deleted."""


class UserNameTaken(Exception):
    """A live user of this org has the userName (SPEC U2)."""


class TakenMeanwhile(Exception):
    """Another transaction has just given a userName or a reference to somebody: look again."""


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
        active=user.activity.said,
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
    setup_links.end_with(owner, at)
    _end_second_factors(owner)
    owner.user_name, owner.login_email = address, fold(address)
    owner.given_name = owner.family_name = owner.display_name = ""
    owner.attributes, owner.folded, owner.email_keys = {}, {}, []
    owner.last_login, owner.time_zone = None, ""
    owner.set_unusable_password()
    end_sessions(owner)
    owner.revision += 1
    owner.modified_at = at
    _save(owner)
    return owner


def add(*, org: Organization, facts: Facts, at: datetime) -> tuple[User, list[Effect]]:
    """A new person whom SCIM manages. Raises UserNameTaken."""
    user = _managed(org, facts, at)
    _save(user)
    return user, [Effect(user.id, "account", None, account(user))]


_IS_KNOWN = "EXISTS (SELECT FROM orgs_user WHERE org_id = %s AND user_name_key = %s AND NOT is_owner)"


def add_unless_known(*, org: Organization, facts: Facts, at: datetime) -> tuple[User, list[Effect]] | None:
    """`add`, unless somebody has the userName or was deleted with it: then None. One statement asks all that and adds.

    Raises UserNameTaken, domains.ForeignDomain; either ends the transaction.
    """
    user = _managed(org, facts, at)
    params = [org.id, fold(facts.user_name), org.id]
    with _taken(user):
        listed = cached_write.insert_unless(user, _IS_KNOWN, f"ARRAY ({domains.LISTED})", params)
    if listed is None:
        return None
    domains.check_among(listed, facts.login_email)
    return user, [Effect(user.id, "account", None, account(user))]


def _managed(org: Organization, facts: Facts, at: datetime) -> User:
    user = User(org=org, scim_managed=True, created_at=at, modified_at=at, password=_unusable_password())
    _assign(user, facts)
    user.active = facts.active
    return user


def add_unmanaged(
    *,
    org: Organization,
    address: str,
    names: tuple[str, str],
    roles: list[str] | None,
    password: str | None,
    at: datetime,
) -> tuple[User, list[Effect]]:
    """A new person whom SCIM does not manage, until it adopts them (SPEC U13, L5, U3).

    names: given and family. roles: set by hand; None for the default. password: None without one. Raises UserNameTaken.
    """
    given, family = names
    user = User(
        org=org,
        user_name=address,
        login_email=fold(address),
        given_name=given,
        family_name=family,
        folded={"name": _folded_name(given, family)},
        manual_roles=roles,
        created_at=at,
        modified_at=at,
    )
    if password is None:
        user.password = _unusable_password()
    else:
        user.set_password(password)
    _save(user)
    return user, [Effect(user.id, "account", None, account(user))]


def add_imported(
    *, org: Organization, found: Sequence[tuple[Facts, str]], at: datetime
) -> tuple[list[User], list[Effect]]:
    """New people whom SCIM does not manage until it adopts them, with what a file says of each (SPEC E6, U3).

    found: facts and references. Raises TakenMeanwhile, which ends the transaction.
    """
    users = []
    for facts, reference in found:
        user = User(org=org, reference=reference, created_at=at, modified_at=at, password=_unusable_password())
        _assign(user, facts)
        user.active = facts.active
        users.append(user)
    try:
        User.objects.bulk_create(users)
    except IntegrityError as error:
        raise _meanwhile(error) from error
    return users, [Effect(user.id, "account", None, account(user)) for user in users]


def change_imported(*, user: User, facts: Facts, reference: str, at: datetime) -> None:
    """Write what an import says of somebody. Whether they are active, and who manages them, stays (SPEC E6).

    user: locked by the caller. SCIM shows no reference, so that revision and time move for the facts alone. Raises
    TakenMeanwhile, which ends the transaction.
    """
    written = _assign(user, replace(facts, active=user.activity.said))
    if written:
        user.revision += 1
        user.modified_at = at
        written += ["revision", "modified_at"]
    if user.reference != reference:
        user.reference = reference
        written.append("reference")
    try:
        user.save(update_fields=written)
    except IntegrityError as error:
        raise _meanwhile(error) from error


def _meanwhile(error: IntegrityError) -> Exception:
    is_taken = violated(error) in ("user_name_once_among_people", "user_reference_once")
    return TakenMeanwhile() if is_taken else error


def _unusable_password() -> str:
    """What set_unusable_password sets, at a twentieth of its cost."""
    return UNUSABLE_PASSWORD_PREFIX + secrets.token_urlsafe(UNUSABLE_PASSWORD_SUFFIX_LENGTH)


def change(*, user: User, facts: Facts, at: datetime) -> list[Effect] | None:
    """Write what differs; somebody invited by hand is from then on managed by SCIM (SPEC U3).

    user: locked by the caller. Returns None if nothing differed; the revision then stays the same too.
    It may also end what an admin decided by hand about whether they are active (SPEC U12), which SCIM does not show.
    Raises UserNameTaken.
    """
    was, before = account(user), user.activity
    written = _assign(user, facts)
    if not user.scim_managed:
        user.scim_managed = True
        written.append("scim_managed")
    if written:
        user.revision += 1
        user.modified_at = at
        written += ["revision", "modified_at"]
    switched = _switch(user, before.told(facts.active), at)
    if not written and not switched:
        return None
    _save(user, update_fields=[*written, *switched])
    effects = [Effect(user.id, "account", was, now)] if was != (now := account(user)) else []
    if before.is_closed and user.activity.is_closed and before.said != user.activity.said:
        effects.append(Effect(user.id, "idp_active", before.said, user.activity.said))
    return effects


def delete(*, user: User, at: datetime) -> list[Effect]:
    """Hide a person from SCIM and close their account; the record stays (SPEC U5).

    Everything that was set by hand ends for good, so that a later revival does not bring it back (SPEC U3).
    """
    was = account(user)
    HandPlacement.objects.filter(user=user).delete()
    IdentityLink.objects.filter(user=user).delete()
    invitations.end_with(user, at)
    setup_links.end_with(user, at)
    _end_second_factors(user)
    user.active, user.idp_active = False, None
    user.deactivated_at = []
    user.deleted_at = user.modified_at = at
    user.login_email = None
    user.manual_roles = None
    user.revision += 1
    user.set_unusable_password()
    end_sessions(user)
    user.save()
    return [Effect(user.id, "account", was, account(user))]


def revive(*, user: User, facts: Facts, at: datetime) -> list[Effect]:
    """Bring back somebody whom SCIM deleted, with what this request says and nothing else (SPEC U3)."""
    was = account(user)
    user.deleted_at = None
    if user.reference and User.objects.for_org(user.org_id).live().filter(reference=user.reference).exists():
        user.reference = ""  # somebody else was imported with it meanwhile
    _assign(user, facts)
    user.active = facts.active
    user.revision += 1
    user.modified_at = at
    _save(user)
    return [Effect(user.id, "account", was, account(user))]


def restore(*, user: User, columns: Mapping[str, Any], copies: Documents, at: datetime) -> list[Effect]:
    """Write what was said of somebody before (SPEC T2). Sessions, passwords and links that have ended stay ended.

    user: locked by the caller. columns: as the past has them. copies: what filters read is made anew by this.
    """
    was, was_active = account(user), user.is_active
    written = past.assign(user, columns)
    if user.deleted_at is None:
        if user.reference and User.objects.for_org(user.org_id or 0).live().exclude(pk=user.pk).filter(
            reference=user.reference
        ):
            user.reference = ""  # somebody else was imported with it meanwhile
            written.append("reference")
    elif was != "deleted":
        IdentityLink.objects.filter(user=user).delete()
        _end_second_factors(user)
        user.set_unusable_password()
        written.append("password")
    if was_active and not user.is_active:
        invitations.end_with(user, at)
        setup_links.end_with(user, at)
        written.append(end_sessions(user))
    written += past.assign(user, copies(user))
    user.revision += 1
    user.modified_at = at
    _save(user, update_fields=[*written, "revision", "modified_at"])
    return [Effect(user.id, "account", was, now)] if was != (now := account(user)) else []


def erase(*, user: User, at: datetime) -> list[Effect]:
    """Leave nothing of a deleted person but the id (SPEC U5). user: locked by the caller."""
    was = account(user)
    _assign(user, Facts(user_name="", login_email=None, active=False))
    user.active, user.idp_active = False, None
    user.manual_roles = None
    user.reference = ""
    user.deactivated_at = []
    user.last_login, user.time_zone = None, ""
    user.erased_at = user.modified_at = at
    user.revision += 1
    user.set_unusable_password()
    end_sessions(user)
    user.save()
    return [Effect(user.id, "account", was, account(user))]


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
    assert user.org_id
    feed.touch(user.org_id, [("person", str(user.id))])


def set_manual_roles(*, user: User, roles: list[str] | None, at: datetime) -> bool:
    """Set the roles that an admin gives by hand (SPEC R1). Returns whether they changed. user: locked by the caller."""
    if user.manual_roles == roles:
        return False
    user.manual_roles = roles
    user.revision += 1
    user.modified_at = at
    user.save(update_fields=["manual_roles", "revision", "modified_at"])
    return True


@command
def rename(*, user_id: UUID, given: str, family: str, cause: Cause) -> None:
    """Write the name of somebody whom SCIM does not manage, who says it themselves.

    Raises UnknownPerson where SCIM manages them, by now perhaps.
    """
    user = _locked(user_id)
    if user.scim_managed:
        raise UnknownPerson(user_id)
    if (user.given_name, user.family_name) == (given, family):
        return
    user.given_name, user.family_name = given, family
    user.folded = {**user.folded, "name": _folded_name(given, family)}
    user.revision += 1
    user.modified_at = cause.at
    user.save(update_fields=["given_name", "family_name", "folded", "revision", "modified_at"])
    if user.org is not None:
        history.record(user.org, cause, UserRenamed(user=str(user.id)))


@command
def set_time_zone(*, user: User, name: str) -> None:
    """Write the zone that somebody reads times in; empty for the portal's. Raises UnknownTimeZone."""
    user.time_zone = time_zones.named(name) if name else ""
    User.objects.filter(pk=user.pk).update(time_zone=user.time_zone)


@command
def set_password(*, user: User, password: str, but: str = "") -> bool:
    """Set the password that the account's holder chose, and end every open session. Returns whether it was set.

    user: as it was when the form was offered. An account that has been closed since then gets no password: an IdP may
    be deactivating it at this very moment (SPEC U4). Nor does one that signs in without (SPEC L6). but: the key of the
    row of the session that goes on.
    """
    same_account = User.objects.filter(pk=user.pk, active=True, deleted_at=None, session_epoch=user.session_epoch)
    if not same_account.with_passwords().update(password=make_password(password)):
        return False
    sessions.end_all(user=user, but=but)
    return True


def switch_by_hand(*, user: User, to: Activity, at: datetime) -> list[Effect]:
    """Write what was decided by hand about whether somebody is active (SPEC U12). user: locked by the caller.

    Neither revision nor time of the last change move, since SCIM shows the same as before.
    """
    was = account(user)
    user.save(update_fields=_switch(user, to, at))
    return [Effect(user.id, "account", was, now)] if was != (now := account(user)) else []


@command
def switch_staff(*, user_id: UUID, active: bool, cause: Cause) -> bool:
    """Deactivate an account of the support staff and end its sessions, or activate it again.

    Returns whether it changed. Raises UnknownPerson for somebody of an org.
    """
    user = _locked(user_id)
    if not user.is_staff:
        raise UnknownPerson(user_id)
    written = _switch(user, Activity(active), cause.at)
    if written:
        user.save(update_fields=written)
    return bool(written)


def staff_role(user: User) -> StaffRole:
    """What a member of the support staff may do (SPEC N4); nothing but looking, without a group."""
    if user.is_superuser:
        return StaffRole.SUPERUSER
    names = {group.name for group in user.groups.all()}
    return StaffRole.SUPPORT if StaffRole.SUPPORT in names else StaffRole.READ_ONLY


@command
def give_staff_role(*, user_id: UUID, role: StaffRole) -> None:
    """Have a member of the support staff be this and nothing else. Raises UnknownPerson for somebody of an org."""
    user = _locked(user_id)
    if not user.is_staff:
        raise UnknownPerson(user_id)
    user.is_superuser = role == StaffRole.SUPERUSER
    user.save(update_fields=["is_superuser"])
    user.groups.set(Group.objects.filter(name=role.value))


@command
def sign_out(*, user_id: UUID, cause: Cause) -> None:
    """End every session of a person; they may sign in again. Raises UnknownPerson."""
    user = _locked(user_id)
    end_sessions_of(user)
    # Staff belong to no org and so have no history; the admin has its own log of them.
    if user.org is not None:
        history.record(user.org, cause, UserSignedOut(user=str(user.id)))


def _folded_name(given: str, family: str) -> dict[str, str]:
    return {key: fold(name) for key, name in (("givenName", given), ("familyName", family)) if name}


def _locked(user_id: UUID) -> User:
    user = User.objects.select_related("org").select_for_update(of=("self",), no_key=True).filter(id=user_id).first()
    if user is None:
        raise UnknownPerson(user_id)
    return user


def end_sessions_of(user: User) -> None:
    """Invalidate every session and reset link of `user` for good (SPEC U4). user: locked by the caller."""
    user.save(update_fields=[end_sessions(user)])


def end_sessions(user: User) -> str:
    """As `end_sessions_of`, without saving. Returns the column to save."""
    sessions.end_with(user)
    user.session_epoch += 1
    return "session_epoch"


_END_SECOND_FACTORS = """
WITH codes AS (DELETE FROM orgs_recoverycode WHERE user_id = %(user)s)
DELETE FROM orgs_secondfactor WHERE user_id = %(user)s
"""


def _end_second_factors(user: User) -> None:
    """They are somebody's who no longer has the account."""
    postpone(_END_SECOND_FACTORS, {"user": user.pk})


def _switch(user: User, to: Activity, at: datetime) -> list[str]:
    """Set whether an account is active, by the IdP and by hand. Returns the columns to save.

    Of one that was active and no longer is, sessions, invitations and held memberships end (SPEC U4, M2).
    """
    before = user.activity
    if to == before:
        return []
    user.active, user.idp_active = to
    if to.active or not before.active:
        return ["active", "idp_active"]
    invitations.end_with(user, at)
    setup_links.end_with(user, at)
    user.deactivated_at = [*user.deactivated_at, at][-DEACTIVATIONS:]
    return ["active", "idp_active", "deactivated_at", end_sessions(user)]


def _assign(user: User, facts: Facts) -> list[str]:
    """Set what differs, but for `active`, which `_switch` sets. Returns the names of those columns."""
    present = facts_of(user)
    written = [name for name in FACTS if getattr(facts, name) != getattr(present, name)]
    for name in written:
        value = getattr(facts, name)
        if name != "active":
            setattr(user, name, list(value) if isinstance(value, tuple) else value)
    return written


def account(user: User) -> str:
    """What history calls the state of an account."""
    if user.erased_at is not None:
        return "erased"
    if user.deleted_at is not None:
        return "deleted"
    if not user.active:
        return "inactive"
    return "active" if user.scim_managed else "invited"


OPEN = ("active", "invited")
"""The states of an account that can sign in."""


def _save(user: User, update_fields: list[str] | None = None) -> None:
    with _taken(user):
        if user._state.adding:
            cached_write.insert(user)
        elif update_fields is None:
            user.save()
        else:
            cached_write.update(user, update_fields, postponed="user_name" not in update_fields)


@contextmanager
def _taken(user: User) -> Iterator[None]:
    """Uniqueness is left to the constraints, and a violation ends the current transaction or savepoint."""
    try:
        yield
    except IntegrityError as error:
        if violated(error) == "user_name_once_among_people":
            raise UserNameTaken(user.user_name) from error
        raise
