"""Setting single sign-on up through a setup link (SPEC L8): the provider, the draft, and test runs that do not count.

An admin tests the draft once more, and so sees what comes of it, before it can be activated.
"""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from orgs.models import Purpose
from orgs.web.fair_share import busy
from orgs.web.in_flight import Busy
from orgs.web.link_access import LinkRequest, cause, count_use, page, through_link
from sso import issuers, journeys, renewals, setup
from sso.models import Connection, Revision
from sso.refusals import Refused
from sso.status import status
from sso.test_runs import Outcome
from sso.web import asking, journey_cookie
from sso.web.configuring import Form, facts_of, form_of, words_of
from sso.web.forms import ProviderForm
from sso.web.outcomes import described


@require_http_methods(["GET", "HEAD", "POST"])
@through_link(Purpose.SSO)
def choose_provider(request: LinkRequest) -> HttpResponse:
    present = Connection.objects.for_org(request.org).first()
    form = ProviderForm(request.POST or None, initial={"idp": present.idp if present else None})
    if request.method == "POST" and form.is_valid():
        setup.prepare(link=request.link, idp=form.cleaned_data["idp"], protocol=form.protocol(), cause=cause())
        return redirect("setup-sso", request.link.id)
    return render(request, "setup/sso_provider.html", {"link": request.link, "form": form})


@sensitive_post_parameters("client_secret")
@require_http_methods(["GET", "HEAD", "POST"])
@through_link(Purpose.SSO)
def configure(request: LinkRequest) -> HttpResponse:
    """The draft, or what will be one. What is active is not shown, and no secret is kept from one draft to the next."""
    found = status(request.org, at=timezone.now())
    if found.connection is None:
        return redirect("setup-sso-provider", request.link.id)
    form = form_of(request, found.connection, found.draft, keeps_secret=False)
    saved = None
    if request.method == "POST":
        try:
            saved = _saved(request, form, found.connection) if form.is_valid() else None
        except Busy:
            return busy(request)
        if saved is not None and not form.errors:
            return redirect("setup-sso", request.link.id)
        form.keep_secret()
    words = {"link": request.link, "form": form, "draft": saved or found.draft, "saved": saved}
    return render(request, "setup/sso.html", words | words_of(found.connection))


def _saved(request: LinkRequest, form: Form, connection: Connection) -> Revision | None:
    """The draft. What is wrong with it, or with what its identity provider says of itself, is in the form."""
    saved, now = None, timezone.now()
    try:
        with asking.place(connection):
            facts = facts_of(form, now=now)
        saved = setup.draft(link=request.link, facts=facts, cause=cause())
        if not saved.is_saml:
            with asking.place(connection):
                issuers.provider(saved.issuer, now=now)
    except Refused as refused:
        form.refuse(refused)
    return saved


@require_safe
@through_link(Purpose.SSO, Purpose.RENEWAL)
def test(request: LinkRequest) -> HttpResponse:
    """On to the identity provider. `sso.web.testing` has the way back."""
    count_use(request.link)
    found = status(request.org, at=timezone.now())
    draft = renewals.waiting(found) if request.link.purpose == Purpose.RENEWAL else found.draft
    if draft is None:
        return redirect(page(request.link))
    try:
        with asking.place(draft.connection):
            journey, url = journeys.begin(revision=draft, tester=request.link.id, now=timezone.now())
    except Busy:
        return busy(request)
    except Refused as refused:
        words = described(request.org, Outcome(None, False, None, refused), begun=False)
        return render(request, "setup/sso_outcome.html", words | {"link": request.link, "back": page(request.link)})
    response = redirect(url)
    journey_cookie.keep(response, journey)
    return response
