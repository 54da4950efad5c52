"""How an org's single sign-on is doing, and what its admins have to know of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from orgs.models import Organization, SsoSignIn
from sso import connections as secrets
from sso.models import Connection, IssuerDocument, Revision, State
from sso.oidc.documents import description_url
from sso.refusals import Reason, Refused
from sso.saml.certificates import Certificate, certificates_in

WARNED = timedelta(days=90)


class Condition(TextChoices):
    NONE = "none", _("Not set up")
    PREPARED = "prepared", _("Not configured yet")
    DRAFT = "draft", _("Not tested")
    TESTED = "tested", _("Tested, not active")
    ACTIVE = "active", _("Active")
    OFF = "off", _("Switched off")


@dataclass(frozen=True, slots=True)
class Status:
    """active, draft: how people are signed in, and how they may be next. unreadable: which of these has a client secret
    that cannot be opened, the active one first (SPEC L9). secret_ends_on: of the one in use, if within WARNED or over.
    certificates: of the SAML identity provider that is in use. certificates_end: when the last of them ends, if within
    WARNED or over. key_is_lost: whether our own key for SAML cannot be opened (SPEC L9). unread: why what the identity
    provider publishes of itself cannot be read at the moment. last, last_refused: of those
    who came back from the identity provider.
    """

    connection: Connection | None
    active: Revision | None
    draft: Revision | None
    condition: Condition
    unreadable: Revision | None
    secret_ends_on: date | None
    secret_has_ended: bool
    certificates: tuple[Certificate, ...]
    certificates_end: datetime | None
    certificates_have_ended: bool
    key_is_lost: bool
    unread: Refused | None
    last: SsoSignIn | None = None
    last_refused: SsoSignIn | None = None

    @property
    def revision(self) -> Revision | None:
        """What a test run is of: the draft, if there is one."""
        return self.draft or self.active

    @property
    def new_certificates(self) -> list[Certificate]:
        """What would be trusted too once the draft is activated in place of what is active."""
        return _only_in(self.draft, self.active) if self.active else []

    @property
    def dropped_certificates(self) -> list[Certificate]:
        """What would no longer be trusted then."""
        return _only_in(self.active, self.draft) if self.draft else []

    @property
    def in_use(self) -> Revision | None:
        return self.active or self.draft


def status(org: Organization, *, at: datetime) -> Status:
    """Six queries at most. Nothing is asked of the identity provider."""
    found = of_each([org], at=at)[org.pk]
    if found.connection is None:
        return found
    signed_in = SsoSignIn.objects.for_org(org).order_by("-id")
    last, last_refused = signed_in.filter(reason="").first(), signed_in.exclude(reason="").first()
    return replace(found, last=last, last_refused=last_refused)


def of_each(orgs: Collection[Organization], *, at: datetime) -> dict[UUID, Status]:
    """As `status`, for several, without sign-ins. Three queries."""
    connections = {each.org_id: each for each in Connection.objects.filter(org__in=orgs)}
    revisions: dict[UUID, dict[str, Revision]] = {org.pk: {} for org in orgs}
    for each in Revision.objects.filter(org__in=orgs).exclude(state=State.PAST):
        each.connection = connections[each.org_id]
        revisions[each.org_id][each.state] = each
    urls = {description_url(each.issuer) for there in revisions.values() for each in there.values() if not each.is_saml}
    documents = IssuerDocument.objects.filter(url__in=urls).exclude(failure="")
    failed = {each.url: each for each in documents}
    return {org.pk: _status(connections.get(org.pk), revisions[org.pk], failed, at) for org in orgs}


def _status(
    connection: Connection | None, there: Mapping[str, Revision], failed: Mapping[str, IssuerDocument], at: datetime
) -> Status:
    active, draft = there.get(State.ACTIVE), there.get(State.DRAFT)
    used = active or draft
    ends_on = used.secret_ends_on if used else None
    pins = tuple(each for pem in (used.certificates if used else ()) for each in certificates_in(pem.encode()))
    end = max((each.not_after for each in pins), default=None)
    return Status(
        connection,
        active,
        draft,
        condition(connection, active, draft),
        unreadable=next((each for each in (active, draft) if each is not None and not is_readable(each)), None),
        secret_ends_on=ends_on if ends_on is not None and ends_on <= at.date() + WARNED else None,
        secret_has_ended=ends_on is not None and ends_on <= at.date(),
        certificates=pins,
        certificates_end=end if end is not None and end <= at + WARNED else None,
        certificates_have_ended=end is not None and end <= at,
        key_is_lost=connection is not None and bool(connection.certificate) and not secrets.has_key(connection),
        unread=_unread(used, failed),
    )


def condition(connection: Connection | None, active: Revision | None, draft: Revision | None) -> Condition:
    """What a connection with these revisions is called."""
    if active is not None:
        return Condition.ACTIVE
    if draft is not None:
        if draft.activated_at is not None:
            return Condition.OFF
        return Condition.DRAFT if draft.tested_at is None else Condition.TESTED
    return Condition.NONE if connection is None else Condition.PREPARED


def is_readable(revision: Revision) -> bool:
    """Whether its client secret can be opened, if it needs one (SPEC L9)."""
    if revision.is_saml:
        return True
    try:
        secrets.secret_in(revision)
    except Refused:
        return False
    return True


def _only_in(revision: Revision | None, other: Revision | None) -> list[Certificate]:
    known = other.certificates if other else ()
    pems = [pem for pem in (revision.certificates if revision else ()) if pem not in known]
    return [each for pem in pems for each in certificates_in(pem.encode())]


def _unread(revision: Revision | None, failed: Mapping[str, IssuerDocument]) -> Refused | None:
    if revision is None:
        return None
    if revision.is_saml:
        reason = revision.metadata_failure
        return Refused(Reason(reason), revision.metadata_detail) if reason else None
    document = failed.get(description_url(revision.issuer))
    return None if document is None else Refused(Reason(document.failure), document.detail)
