"""An organization's verified domains: how its admins verify and remove them (SPEC O6)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orgs import domains, txt_records
from orgs.forms import DomainForm
from orgs.models import Organization, PendingDomain, VerifiedDomain
from orgs.web.access import OrgRequest, cause, org_admin, recently_signed_in, require_recent


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
def new(request: OrgRequest) -> HttpResponse:
    form = DomainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("domain", domains.ask(org=request.org, cause=cause(request), **form.cleaned_data))
        except (domains.NotADomain, domains.TooManyPending) as error:
            refuse(form, error)
    return render(request, "orgs/domain_new.html", {"form": form, "verified": _names(request.org)})


@require_safe
@org_admin
def pending(request: OrgRequest, name: str) -> HttpResponse:
    """The record to set, and the effects of verifying the domain."""
    verified = _names(request.org)
    gone = _gone(request.org, name)
    if name in verified and gone is None:
        return redirect("authentication")
    asked = gone or get_object_or_404(PendingDomain.objects.for_org(request.org), name=name)
    return render(
        request,
        "orgs/domain.html",
        {
            "domain": asked,
            "gone_since": gone and gone.gone_since,
            "record_name": f"{domains.RECORD_NAME}.{name}",
            "record_value": domains.record_value(asked),
            "verified": verified,
            "outside": domains.count_outside(request.org, [*verified, name]),
        },
    )


@require_POST
@org_admin
def check(request: OrgRequest, name: str) -> HttpResponse:
    require_recent(request, back=reverse("domain", args=[name]))
    gone = _gone(request.org, name)
    try:
        if gone is not None:
            domains.read_again(gone, at=timezone.now())
        else:
            domains.verify(org=request.org, name=name, cause=cause(request))
    except domains.UnknownDomain:
        if name not in _names(request.org):
            _say_gone(request, name)
        return redirect("authentication")
    except txt_records.Unanswered as error:
        messages.error(request, _("%(why)s Try again in a few minutes.") % {"why": error})
    except domains.NotProven as error:
        messages.error(request, not_proven(error))
    else:
        messages.success(request, _("%(name)s is verified.") % {"name": name})
        return redirect("authentication")
    return redirect("domain", name)


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
def remove(request: OrgRequest, name: str) -> HttpResponse:
    if request.method == "POST":
        try:
            domains.remove(org=request.org, name=name, cause=cause(request))
        except domains.UnknownDomain:
            _say_gone(request, name)
        else:
            messages.success(request, _("%(name)s was removed.") % {"name": name})
        return redirect("authentication")
    verified = _names(request.org)
    if name not in verified:
        get_object_or_404(PendingDomain.objects.for_org(request.org), name=name)
    return render(
        request,
        "orgs/domain_remove.html",
        {
            "name": name,
            "is_verified": name in verified,
            "others": [other for other in verified if other != name],
            "inside": domains.count_inside(request.org, name),
        },
    )


def _gone(org: Organization, name: str) -> VerifiedDomain | None:
    """The verified domain of this name whose record is no longer there."""
    return org.verified_domains.filter(name=name).exclude(gone_since=None).first()


def _say_gone(request: OrgRequest, name: str) -> None:
    messages.info(request, _("%(name)s is not on the list: somebody else has removed it.") % {"name": name})


def _names(org: Organization) -> list[str]:
    return list(org.verified_domains.values_list("name", flat=True))


def refuse(form: DomainForm, error: domains.NotADomain | domains.TooManyPending) -> None:
    """Say in the form why a domain was not added."""
    if isinstance(error, domains.TooManyPending):
        words = _("%(count)d domains wait to be verified already. Verify or remove one of them first.")
        form.add_error("name", words % {"count": error.args[0]})
    else:
        form.add_error("name", _("This is not a valid domain. Enter one such as corp.example."))


def not_proven(error: domains.NotProven) -> str:
    """What the DNS has instead of the record."""
    if error.args:
        words = _("The record has a different value: %(values)s. Replace it with the value below.")
        return words % {"values": ", ".join(error.args)}
    return _("The record was not found. A new record can take up to an hour to appear in the DNS.")
