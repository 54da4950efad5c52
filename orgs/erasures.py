"""Erasing a person, so far as this app has anything of theirs (SPEC U5): the only module that writes `Erasure`.

What has the person's own text goes in the transaction of the command. What others wrote may be much and may still be
on its way, so a worker looks for it afterwards (`scim.erasing`). Then the receipt is complete, and written to a file.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import orjson
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.utils.crypto import salted_hmac

from orgs import (
    history,
    invitations,
    mail_choices,
    matters,
    outbox,
    past,
    proposals,
    setup_links,
    sign_in_failures,
    sso_sign_ins,
)
from orgs.db.keys import fold
from orgs.models import Erasure, Organization, User
from orgs.models.people import UserQuerySet
from orgs.traces import Traces

CLOCKS = timedelta(seconds=2)
"""How much the clocks of machines may differ."""

Counts = Mapping[str, int]
"""By table, how many rows were erased or lost something."""


class BadReceipt(Exception):
    """A file is no receipt; the argument says what is wrong."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is kept of an erasure outside the database: nothing personal but the id, a keyed hash, and counts."""

    user_id: UUID
    org_id: UUID
    at: datetime
    completed_at: datetime
    name_digest: bytes
    counts: Counts

    @classmethod
    def of(cls, erasure: Erasure) -> Self:
        """The receipt of an erasure that is complete."""
        assert erasure.completed_at
        digest = bytes(erasure.name_digest)
        return cls(erasure.user_id, erasure.org_id, erasure.at, erasure.completed_at, digest, erasure.counts)

    @classmethod
    def read(cls, line: str) -> Self:
        """Raises BadReceipt."""
        try:
            told = orjson.loads(line)
            return cls(
                UUID(told["erased"]),
                UUID(told["organization"]),
                datetime.fromisoformat(told["at"]),
                datetime.fromisoformat(told["completed_at"]),
                bytes.fromhex(told["user_name_hmac_sha256"]),
                {str(table): int(count) for table, count in told["rows"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadReceipt(f"{type(error).__name__}: {error}") from error

    def told(self) -> dict[str, Any]:
        """As the file and the log have it."""
        return {
            "erased": str(self.user_id),
            "organization": str(self.org_id),
            "at": self.at.isoformat(),
            "completed_at": self.completed_at.isoformat(),
            "user_name_hmac_sha256": self.name_digest.hex(),
            "rows": dict(sorted(self.counts.items())),
        }

    def write(self) -> None:
        """Write it to RECEIPTS, as one line in a file of its own; again, it changes nothing. Raises OSError."""
        directory: Path = settings.RECEIPTS
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.user_id}.json"
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as file:
            file.write(orjson.dumps(self.told(), option=orjson.OPT_APPEND_NEWLINE))
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)


def receipts(path: Path) -> Iterator[Receipt]:
    """The receipts in a file, one a line, or in the files of a directory. Raises BadReceipt, OSError."""
    for file in sorted(path.glob("*.json")) if path.is_dir() else [path]:
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if line.strip():
                try:
                    yield Receipt.read(line)
                except BadReceipt as bad:
                    raise BadReceipt(f"{file}, line {number}: {bad}") from bad


def brought_back(played: Iterable[Receipt]) -> set[UUID]:
    """The people of these receipts whom the database does not know as erased, as after the restore of a backup."""
    people = {receipt.user_id: receipt.org_id for receipt in played}
    known = set(Erasure.objects.filter(user__in=people).values_list("user_id", flat=True))
    orgs = set(Organization.objects.filter(id__in=set(people.values())).values_list("id", flat=True))
    return {user_id for user_id, org_id in people.items() if org_id in orgs and user_id not in known}


def digest(org_id: UUID, user_name: str, *, secret_key: str | None = None) -> bytes:
    """What is kept of the userName: enough to recognise it, for whoever has SECRET_KEY, and not to tell it.

    secret_key: a former one.
    """
    name = f"{org_id} {fold(user_name)}"
    return salted_hmac("orgs.erasures", name, secret=secret_key, algorithm="sha256").digest()


def was_erased(org: Organization, user_name: str) -> bool:
    """Whether somebody of this userName was erased, by the present SECRET_KEY or a fallback (SPEC U5)."""
    return bool(erased_among(org, [user_name]))


def erased_among(org: Organization, user_names: Collection[str]) -> set[str]:
    """Those of these userNames that somebody had who was erased."""
    keys = (None, *settings.SECRET_KEY_FALLBACKS)
    digests = {digest(org.id, name, secret_key=key): name for name in user_names for key in keys}
    found = Erasure.objects.for_org(org).filter(name_digest__in=list(digests))
    return {digests[bytes(each)] for each in found.values_list("name_digest", flat=True) if each}


def begin(user: User, *, at: datetime, name_digest: bytes | None = None) -> Erasure:
    """Note that somebody is erased, and what to look for; their row is as it was. user: locked.

    name_digest: of the receipt, where one is played again.
    """
    assert user.org
    known_by = (user.user_name, user.external_id, *user.email_keys, *past.former_names(user.id))
    return Erasure.objects.create(
        user=user,
        org=user.org,
        at=at,
        name_digest=name_digest or digest(user.org.id, user.user_name),
        traces={
            "known_by": sorted(_own(user.org.id, user.id, known_by)),
            "called": sorted(_called(user)),
            "reference": user.reference,
        },
        counts={"orgs_user": 1},
    )


def begin_without_a_name(user: User, receipt: Receipt) -> Erasure:
    """Note that somebody was erased whom the database has never had, or no longer has. user: without text."""
    return Erasure.objects.create(
        user=user,
        org_id=receipt.org_id,
        at=receipt.at,
        name_digest=receipt.name_digest,
        traces={"known_by": [], "called": []},
    )


def _own(org_id: UUID, user_id: UUID, found: Iterable[str]) -> set[str]:
    """These texts, folded, but for what somebody else in the org has as userName, externalId or address too."""
    others = User.objects.for_org(org_id).exclude(pk=user_id).filter(is_owner=False).order_by()
    given = {text for text in found if text}
    wanted = {fold(text) for text in given}
    taken = set(others.filter(user_name_key__in=wanted).values_list("user_name_key", flat=True))
    for keys in others.filter(email_keys__overlap=list(wanted)).values_list("email_keys", flat=True):
        taken.update(keys)
    taken |= {fold(each) for each in others.filter(external_id__in=given).values_list("external_id", flat=True)}
    return wanted - taken


def learn(erasure: Erasure, known_by: Iterable[str]) -> None:
    """Look for these too, by which the person was known before. The caller saves it, by `go_on`."""
    assert erasure.traces is not None
    found = _own(erasure.org_id, erasure.user_id, known_by)
    erasure.traces["known_by"] = sorted({*erasure.traces["known_by"], *found})


def called(erasure: Erasure) -> list[str]:
    """What the portal called the person, folded, while the erasure is under way."""
    assert erasure.traces is not None
    return [str(name) for name in erasure.traces["called"]]


def reference(erasure: Erasure) -> str:
    """The id of the person in the system that they were imported from, while the erasure is under way; empty if there
    is none. It may be any number, so that it is looked for only where it stands for a person.
    """
    assert erasure.traces is not None
    return str(erasure.traces.get("reference", ""))


def _called(user: User) -> set[str]:
    whole = f"{user.given_name} {user.family_name}".strip()
    return {fold(name) for name in (user.user_name, user.display_name, whole) if name}


def traces_of(erasure: Erasure) -> Traces:
    """What to look for, while the erasure is under way."""
    assert erasure.traces is not None
    return Traces(erasure.user_id, erasure.traces["known_by"])


def next_one(*, before: datetime) -> Erasure | None:
    """The first erasure from before then that is not complete, locked; one that another worker has is passed over."""
    waiting = Erasure.objects.filter(completed_at=None, at__lt=before).select_related("org__profile")
    return waiting.select_for_update(of=("self",), skip_locked=True).order_by("at").first()


def go_on(erasure: Erasure, *, step: str, reached: UUID | None, counts: Counts) -> None:
    """Note how far the search is, and what went. erasure: locked."""
    erasure.step, erasure.reached = step, reached
    erasure.counts = dict(+(Counter(erasure.counts) + Counter(counts)))
    erasure.save()


def complete(erasure: Erasure, *, at: datetime) -> Receipt:
    """Forget what was looked for. The caller writes the receipt, before this is committed. erasure: locked."""
    erasure.traces, erasure.step, erasure.completed_at = None, "", at
    erasure.save()
    return Receipt.of(erasure)


def look_again(erasure: Erasure) -> None:
    """Erase what small tables have of the person: found by their id, or by what identifies them. erasure: locked."""
    traces = traces_of(erasure)
    until = erasure.at + CLOCKS
    addresses = [address for address in traces.known_by if not _signing_in_with(address).exists()]
    counts = {
        "orgs_ledgerentry": history.forget_refusals(erasure.user_id),
        "orgs_change": history.forget_dismissals(erasure.org_id, traces),
        "orgs_past": past.forget_person(erasure.user_id),
        "orgs_mail": outbox.forget_person(erasure.org_id, traces, called(erasure)),
        "orgs_mailchoices": mail_choices.forget_person(erasure.user_id),
        "orgs_invitation": invitations.forget_person(erasure.org_id, erasure.user_id, traces.known_by),
        "orgs_proposal": proposals.forget_person(erasure.org_id, traces),
        "orgs_setuplink": setup_links.forget_person(erasure.org_id, traces),
        "orgs_matter": matters.forget_person(erasure.org_id, traces, until=until),
        "orgs_ssosignin": sso_sign_ins.forget_person(erasure.org_id, traces, until=until),
        "orgs_signinfailures": sign_in_failures.forget_person(str(erasure.user_id), addresses),
        "django_admin_log": _forget_in_the_admin(erasure.user_id),
    }
    go_on(erasure, step=erasure.step, reached=erasure.reached, counts=counts)


def _signing_in_with(address: str) -> UserQuerySet:
    return User.objects.filter(login_email=address)


def _forget_in_the_admin(user_id: UUID) -> int:
    """Support's own log calls what it was done to by name."""
    told = LogEntry.objects.filter(content_type__app_label="orgs", content_type__model="user", object_id=str(user_id))
    return told.exclude(object_repr="").update(object_repr="")


def of_person(org: Organization, user_id: UUID) -> Erasure | None:
    """The receipt for somebody who was erased."""
    return Erasure.objects.for_org(org).filter(user=user_id).first()
