"""What somebody without an account does through a setup link: opening it, domains, and saying that it is done (L8)."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from orgs import domains, setup_links, txt_records
from orgs.forms import DomainForm
from orgs.models import PendingDomain, Purpose
from orgs.setup_links import NotOpen
from orgs.views.domains import not_proven, refuse
from orgs.web import link_access
from orgs.web.link_access import LinkRequest, TooMany, cause, through_link


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def open_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Only the form opens it: programs that look into mails open links too.

    The address has the secret, so no page that is opened from here is told it. (Under `no-referrer`, browsers would
    send the form with the origin `null`, which is refused.)
    """
    try:
        answer = _opened(request, secret)
    except NotOpen:
        answer = link_access.gone(request)
    except TooMany:
        answer = link_access.too_many(request)
    answer["Referrer-Policy"] = "strict-origin"
    return answer


def _opened(request: HttpRequest, secret: str) -> HttpResponse:
    link = link_access.find(request, lambda: setup_links.of_secret(secret, at=timezone.now()))
    if link.opened_at is not None:
        if not link_access.is_known(request, link):
            raise NotOpen
        return redirect(link_access.page(link))
    if request.method != "POST":
        return render(request, "setup/open.html", {"link": link})
    link, browser = setup_links.open_once(secret=secret, cause=cause())
    answer = redirect(link_access.page(link))
    link_access.remember(answer, link, browser)
    return answer


@require_POST
@through_link(*Purpose)
def finish(request: LinkRequest) -> HttpResponse:
    setup_links.finish(link=request.link, cause=cause())
    answer = render(request, "setup/finished.html", {"link": request.link})
    link_access.forget(answer, request.link)
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@through_link(Purpose.DOMAIN)
def domain_list(request: LinkRequest) -> HttpResponse:
    """The records to set, and a form for one more domain."""
    form = DomainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            setup_links.ask_domain(link=request.link, cause=cause(), **form.cleaned_data)
        except (domains.NotADomain, domains.TooManyPending) as error:
            refuse(form, error)
        else:
            return redirect("setup-domains", request.link.id)
    return _domains(request, form=form)


@require_POST
@through_link(Purpose.DOMAIN)
def look_for_domain(request: LinkRequest, name: str) -> HttpResponse:
    """Whether the record is there. An admin verifies the domain."""
    try:
        domains.look_for(org=request.org, name=name, at=timezone.now())
    except domains.UnknownDomain:
        return redirect("setup-domains", request.link.id)
    except txt_records.Unanswered as error:
        return _domains(request, problem=_("%(why)s Try again in a few minutes.") % {"why": error}, about=name)
    except domains.NotProven as error:
        return _domains(request, problem=not_proven(error), about=name)
    return _domains(request)


def _domains(
    request: LinkRequest, *, form: DomainForm | None = None, problem: str = "", about: str = ""
) -> HttpResponse:
    """problem: of the domain `about`, whose record was looked for just now."""
    form = form or DomainForm()
    form.fields["name"].widget.attrs.pop("autofocus")  # the records come first
    pending = [
        {
            "domain": domain,
            "record_name": f"{domains.RECORD_NAME}.{domain.name}",
            "record_value": domains.record_value(domain),
            "problem": problem if domain.name == about else "",
        }
        for domain in PendingDomain.objects.for_org(request.org)
    ]
    words: dict[str, Any] = {
        "link": request.link,
        "pending": pending,
        "verified": list(request.org.verified_domains.values_list("name", flat=True)),
        "form": form,
    }
    return render(request, "setup/domains.html", words)
