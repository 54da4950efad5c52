"""Setting SCIM up through a setup link (SPEC L8): base URL, guide, and a token that waits for an admin."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from orgs import setup_links, tokens
from orgs.models import IdentityProvider, Purpose, ScimToken
from orgs.web.link_access import LinkRequest, cause, through_link
from scim.addresses import BASE_PATH
from scim.forms import LinkTokenForm
from scim.setup_guide import guide
from scim.views.tokens import base_url_for


@require_http_methods(["GET", "HEAD", "POST"])
@through_link(Purpose.SCIM)
@sensitive_variables("issued")
def scim(request: LinkRequest) -> HttpResponse:
    """The secret is in the response to the form and nowhere else."""
    form = LinkTokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            issued = setup_links.issue_token(link=request.link, cause=cause(), **form.cleaned_data)
        except tokens.PrerequisiteMissing as refusal:
            form.add_error(None, " ".join(map(str, refusal.missing)))
        except tokens.TooManyTokens:
            form.add_error(None, _("No more tokens are possible. Ask an admin to revoke one that is not needed."))
        else:
            words = {"link": request.link, "token": issued.token, "secret": issued.secret}
            return render(request, "setup/token.html", words | {"base_url": base_url_for(issued.token)})
    is_part = bool(request.htmx) and request.htmx.target == "setup-guide"
    return render(request, "scim/_setup_guide.html" if is_part else "setup/scim.html", _context(request, form))


def _context(request: LinkRequest, form: LinkTokenForm) -> dict[str, Any]:
    found = ScimToken.objects.for_org(request.org).filter(setup_link=request.link, revoked_at=None).first()
    idp = request.GET.get("idp") or (found and found.idp)
    if idp not in guide.GUIDES:
        idp = IdentityProvider.OTHER if found else IdentityProvider.OKTA
    base_url = settings.MUSTER_URL + BASE_PATH
    return {
        "link": request.link,
        "token": found if found and found.is_valid(timezone.now()) else None,
        "form": form,
        "base_url": base_url,
        "idp": idp,
        "idps": [(key, name) for key, (name, _sources, _steps) in guide.GUIDES.items()],
        "guide": guide.guide_for(idp, request.org, base_url),
        "is_chosen": True,
    }
