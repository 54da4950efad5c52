"""People: the list, a person with every why, and what admins change by hand (SPEC R1, R4)."""

from itertools import islice
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from groups_provisioning.actions import account_switches
from groups_provisioning.engine import explanation
from groups_provisioning.pages import changing
from groups_provisioning.pages.deciding import run
from groups_provisioning.pages.people import account_history, admin_list, erasing_views, people_list
from groups_provisioning.pages.people.forms import PeopleFilter, RolesForm
from groups_provisioning.preview.plans import Wish
from orgs import matter_words, matters
from orgs.models import IdentityLink, LedgerEntry, MatterKind, Organization, Proposal, Standing, User
from orgs.roles import admins as admins_of
from orgs.roles import catalogue
from orgs.web.access import OrgRequest, org_admin
from orgs.web.downloads import as_csv
from orgs.web.long_list import LongList
from orgs.web.second_admin import second_asked

PAGE = 50  # rows of a list
ADMINS = 20  # of a list, since each is explained
GROUPS = 50  # shown of one person
ATTRIBUTES = 200


@require_safe
@org_admin
def people(request: OrgRequest) -> HttpResponse:
    """The list. For htmx requests, which change filters and pages, only the part below the filters."""
    form = PeopleFilter(request.GET, org=request.org)
    found = people_list.people(request.org, form.wanted(), form.sorted_by)
    page = LongList(found, PAGE).get_page(request.GET.get("page"))
    about, text, at = [person.id for person in page], form.chosen("q"), now()
    return render(
        request,
        "groups_provisioning/people/_people.html" if request.htmx else "groups_provisioning/people/people.html",
        {
            "form": form,
            "page": page,
            "refused": matters.subjects_of(request.org, (MatterKind.USER_UNWRITTEN,), about, at=at) if about else (),
            "told": matter_words.tell_refused_creates(request.org, MatterKind.USER_REFUSED, text, at=at)
            if not about
            else (),
        },
    )


@require_safe
@org_admin
def export(request: OrgRequest) -> StreamingHttpResponse:
    columns = (
        _("userName"),
        _("Name"),
        _("Status"),
        _("Roles"),
        _("Teams"),
        _("Concurrency group"),
        _("Sub-organization"),
        _("Added by"),
        _("External ID"),
        _("Created"),
        _("ID"),
    )
    wanted = PeopleFilter(request.GET, org=request.org).wanted()
    return as_csv(f"people-{now():%Y-%m-%d}", columns, people_list.rows(request.org, wanted))


@require_safe
@org_admin
def admins(request: OrgRequest) -> HttpResponse:
    """Who administers the org, and by what."""
    page = LongList(admins_of(request.org), ADMINS).get_page(request.GET.get("page"))
    words = {
        "page": page,
        "admins": admin_list.explained(request.org, list(page.object_list)),
        "role": catalogue(request.org.profile).admin,
    }
    return render(request, "groups_provisioning/people/admins.html", words)


@require_safe
@org_admin
def person(request: OrgRequest, user_id: UUID) -> HttpResponse:
    user = get_object_or_404(User.objects.for_org(request.org), id=user_id)
    if user.erased_at:
        return erasing_views.erased(request, user)
    why = explanation.of(request.org, user)
    groups = why.groups()
    by_id = [(kind, str(user.id)) for kind in (MatterKind.USER_UNWRITTEN, MatterKind.USER_TAKEN)]
    here = matters.about(request.org, *by_id, (MatterKind.USER_REFUSED, user.user_name), at=now())
    return render(
        request,
        "groups_provisioning/people/person.html",
        {
            "person": user,
            "told": matter_words.tell(request.org, here),
            "can_erase": request.user.is_owner and not user.active and not user.is_owner,
            "ended": account_history.ended(user),
            "is_oneself": user == request.user,
            "may_activate": not account_switches.needs_silence(user)
            or account_switches.is_silent(request.org, at=now()),
            "added_by": people_list.added_by(user),
            "why": why,
            "roles": why.why_roles(),
            "roles_form": RolesForm(org=request.org, present=user.manual_roles),
            "places": why.places(),
            "withheld": [(entity, why.why_not(entity)) for entity in why.withheld()],
            "groups": groups[:GROUPS],
            "more_groups": len(groups[GROUPS:]),
            "attributes": list(islice(people_list.attributes(user), ATTRIBUTES)),
            "conflicts": len(why.effects.conflicts),
            "links": IdentityLink.objects.for_org(request.org).filter(user=user).order_by("-last_used_at"),
            # By the change that left the person in their current state (SPEC U4).
            "refused": LedgerEntry.objects.filter(user=user, slot="refused", change__at__gte=user.modified_at),
        },
    )


@changing.changing("people")
def roles(request: OrgRequest, user_id: UUID) -> HttpResponseBase:
    user = changing.person(request, user_id)
    data = request.POST if request.method == "POST" else None
    form = RolesForm(data, org=request.org, present=user.manual_roles)
    if request.method == "POST" and form.is_valid():
        chosen = form.roles()
        wish: Wish = {"do": "set_roles", "user": str(user.id), "roles": chosen or None}
        done = run(request, wish)
        if isinstance(done, Proposal):
            return second_asked(request, done)
        if done:
            messages.success(request, _roles_message(request.org, user, chosen))
        return redirect("person", user_id)
    context = {"person": user, "form": form, "roles": explanation.of(request.org, user).why_roles()}
    return render(request, "groups_provisioning/people/person_roles.html", context)


def _roles_message(org: Organization, user: User, chosen: list[str]) -> str:
    """The result: the IdP's roles go before those set by hand, and a group may carry a higher one (SPEC R1, R6)."""
    effective = Standing.objects.get(user=user).roles
    words = {"name": user.label, "roles": ", ".join(effective)}
    if not chosen:
        return _("No role is set by hand for %(name)s any more. Current role: %(roles)s.") % words
    if set(chosen) == set(effective):
        return _("%(name)s now has the role %(roles)s.") % words
    if explanation.of(org, user).why_roles().is_by_scim:
        text = _("Saved for %(name)s, but roles from your identity provider take precedence. Current role: %(roles)s.")
    else:
        text = _("Saved for %(name)s, whose groups carry roles that count as well. Current role: %(roles)s.")
    return text % words
