"""The overview: the connection, totals, and what needs attention."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from groups_provisioning.pages.overview import counts as numbers
from groups_provisioning.pages.overview.counts import Overview
from orgs import matter_words, matters, responsibility, scim_connection
from orgs.models import Credential, Organization, User
from orgs.scim_connection import Connection
from orgs.templatetags.muster import relative
from orgs.web.access import OrgRequest, org_admin
from orgs.web.long_list import COUNTED


@dataclass(frozen=True, slots=True)
class Attention:
    """Something for an admin to review: what it is, what it means, and the page to handle it on, if there is one."""

    title: str
    text: str
    address: str
    is_urgent: bool = True


@dataclass(frozen=True, slots=True)
class Number:
    """How many there are of something. more: a further detail."""

    name: str
    count: int
    address: str
    more: str = ""

    @property
    def figure(self) -> str:
        return _figure(self.count)


@require_safe
@org_admin
def overview(request: OrgRequest) -> HttpResponse:
    now = timezone.now()
    there = numbers.of(request.org, at=now)
    connection = scim_connection.of(request.org, at=now)
    last_admin = User.objects.for_org(request.org).filter(id=there.last_admin).first() if there.last_admin else None
    return render(
        request,
        "groups_provisioning/overview/overview.html",
        {
            "connection": connection,
            "numbers": list(_numbers(request.org, there)),
            "attention": sorted(
                [
                    *_waiting(connection),
                    *_unanswered(request.org, now),
                    *_matters(request.org, now),
                    *_elsewhere(request.org, now),
                    *_attention(there, last_admin),
                ],
                key=lambda each: not each.is_urgent,
            ),
        },
    )


def _numbers(org: Organization, there: Overview) -> Iterator[Number]:
    active = _("%(count)s active, without the owner") % {"count": _figure(there.active)}
    if there.people > COUNTED:  # the active among some of them say nothing
        active = _("Without the owner")
    yield Number(_("People"), there.people, _address("people"), active)
    yield Number(_("SCIM groups"), there.groups, _address("groups"))
    if org.teams or there.teams:
        yield Number(_("Teams"), there.teams, _address("teams"))
    if org.concurrency_groups or there.concurrency_groups:
        yield Number(_("Concurrency groups"), there.concurrency_groups, _address("concurrency-groups"))
    if org.sub_organizations or there.sub_organizations:
        yield Number(_("Sub-organizations"), there.sub_organizations, _address("sub-organizations"))


def _matters(org: Organization, at: datetime) -> Iterator[Attention]:
    """What calls of identity providers brought up; their page says since when, how often, and shows the calls."""
    told = matter_words.tell(org, matters.open_in(org, at=at))
    for title, text, is_urgent in matter_words.summary(told):
        yield Attention(title, text, f"{_address('scim-provisioning')}#matters", is_urgent)


def _waiting(connection: Connection) -> Iterator[Attention]:
    """Tokens that were made through setup links."""
    for token in connection.waiting:
        title = _("The SCIM token “%(name)s” waits for your confirmation") % {"name": token.name}
        text = _("It was made through a setup link. Until you confirm it, every change that it sends is refused.")
        yield Attention(title, text, f"{_address('scim-provisioning')}#tokens")


def _unanswered(org: Organization, at: datetime) -> Iterator[Attention]:
    """Tokens and keys whose maker is no longer an admin."""
    found = responsibility.unanswered(org, at=at)
    of_tokens = _("%(person)s is no longer an active admin. Answer for this SCIM token yourself, or revoke it.")
    of_keys = _("%(person)s is no longer an active admin. Answer for this API key yourself, or revoke it.")
    kinds: tuple[tuple[str, str, Sequence[Credential]], ...] = (
        ("scim-provisioning", of_tokens, found.tokens),
        ("api-keys", of_keys, found.keys),
    )
    for page, text, credentials in kinds:
        for each in credentials:
            title = _("Nobody answers for “%(name)s” any more") % {"name": each.name}
            person = each.answered_by.label if each.answered_by else ""
            yield Attention(title, text % {"person": person}, _address(page))


def _elsewhere(org: Organization, at: datetime) -> Iterator[Attention]:
    """What apps above this one know of, by the functions that the settings name."""
    for path in settings.ATTENTION:
        reader: Callable[..., Iterable[Attention]] = import_string(path)
        yield from reader(org, at=at)


def _attention(there: Overview, last_admin: User | None) -> Iterator[Attention]:
    """What is waiting for an admin; what affects assignments comes first."""
    if there.conflicts:
        title = ngettext("%(count)s open conflict", "%(count)s open conflicts", there.conflicts)
        many = there.conflicts > COUNTED
        title = _("More than %(count)s open conflicts") % {"count": f"{COUNTED:,}"} if many else title
        text = _(
            "SCIM groups give people assignments that exclude each other. They keep the current one until you decide."
        )
        yield Attention(_count(title, there.conflicts), text, _address("conflicts"))
    if there.pending:
        title = ngettext("%(count)s group is pending", "%(count)s groups are pending", there.pending)
        text = ngettext(
            "Its mapping is waiting for approval. Members get their assignment or role once you approve it.",
            "Their mappings are waiting for approval. Members get their assignments or roles once you approve them.",
            there.pending,
        )
        yield Attention(_count(title, there.pending), text, _address("groups", "status=pending"))
    if there.target_deleted:
        title = ngettext(
            "The target of %(count)s group was deleted",
            "The targets of %(count)s groups were deleted",
            there.target_deleted,
        )
        text = ngettext(
            "Its members lost this assignment or role. Choose a new target, or reject the mapping.",
            "Their members lost these assignments or roles. Choose new targets, or reject the mappings.",
            there.target_deleted,
        )
        yield Attention(_count(title, there.target_deleted), text, _address("groups", "status=target_deleted"))
    if there.out_of_sync:
        title = ngettext("%(count)s group is out of sync", "%(count)s groups are out of sync", there.out_of_sync)
        text = ngettext(
            "A change to this group was refused while group provisioning was off. Push it again from your identity "
            "provider.",
            "Changes to these groups were refused while group provisioning was off. Push them again from your identity "
            "provider.",
            there.out_of_sync,
        )
        yield Attention(_count(title, there.out_of_sync), text, _address("groups", "status=out_of_sync"))
    if there.unproven:
        title = ngettext(
            "The DNS record of %(count)s domain is gone",
            "The DNS records of %(count)s domains are gone",
            there.unproven,
        )
        text = _("It no longer leads anybody to your single sign-on. Set the record again, or remove the domain.")
        yield Attention(_count(title, there.unproven), text, f"{_address('authentication')}#domains")
    if there.found:
        title = ngettext("%(count)s domain can be verified", "%(count)s domains can be verified", there.found)
        text = _("The DNS record was found through a setup link. Verify the domain, or remove it.")
        yield Attention(_count(title, there.found), text, f"{_address('authentication')}#domains")
    if last_admin:
        title = _("%(name)s keeps the admin role") % {"name": last_admin.label}
        text = _(
            "Your identity provider took it away, but nobody else is an active admin. Make somebody else an admin."
        )
        yield Attention(title, text, _address("person", id_=last_admin.id) or _address("people"))
    if there.opened:
        title = ngettext(
            "%(count)s person is active against the word of your identity provider",
            "%(count)s people are active against the word of your identity provider",
            there.opened,
        )
        text = _(
            "It had deactivated them, and they were activated by hand while it was silent. This lasts until your "
            "identity provider sends something about them again."
        )
        yield Attention(_count(title, there.opened), text, _address("people", "account=opened"))
    if there.retry_at:
        title = _("Applying changes was interrupted")
        text = _("The next attempt is %(when)s. Nothing is lost. If this continues, contact support.")
        yield Attention(title, text % {"when": relative(there.retry_at)}, _address("activity"))
    if there.unmapped:
        title = ngettext("%(count)s group is unmapped", "%(count)s groups are unmapped", there.unmapped)
        text = ngettext(
            "Its members get no assignment, and only the roles that your identity provider sends. Map the group, give "
            "it a role, or add a rule.",
            "Their members get no assignments, and only the roles that your identity provider sends. Map the groups, "
            "give them roles, or add a rule.",
            there.unmapped,
        )
        yield Attention(_count(title, there.unmapped), text, _address("groups", "status=unmapped"), is_urgent=False)
    if there.refused:
        title = ngettext("%(count)s value refused", "%(count)s values refused", there.refused)
        text = _("In the last week, requests that deactivated people also contained values that could not be accepted.")
        yield Attention(_count(title, there.refused), text, _address("activity", "kind=people"), is_urgent=False)
    if there.waiting:
        title = ngettext("%(count)s person is being updated", "%(count)s people are being updated", there.waiting)
        many = there.waiting > COUNTED
        title = _("More than %(count)s people are being updated") % {"count": f"{COUNTED:,}"} if many else title
        text = _("The latest changes take effect within seconds, or within minutes for a very large group.")
        yield Attention(_count(title, there.waiting), text, _address("activity"), is_urgent=False)


def _figure(count: int) -> str:
    """A number that is counted to a limit."""
    return f"{count:,}" if count <= COUNTED else f"{COUNTED:,}+"


def _count(words: str, count: int) -> str:
    return words % {"count": f"{count:,}"} if "%(count)s" in words else words


def _address(name: str, query: str = "", id_: object = None) -> str:
    """The URL of a page; empty if there is none."""
    try:
        address = reverse(name, args=[id_] if id_ else [])
    except NoReverseMatch:
        return ""
    return f"{address}?{query}" if query else address
