"""How pages look in this browser: the theme, and how much room the rows of lists have.

Cookies keep it, so that the server sends each page as it is to look, the signed-out ones too: nothing flashes, and no
script is needed. `templates/base.html` reads them.
"""

from datetime import timedelta

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from orgs.web.access import SignedInRequest, signed_in
from orgs.web.signing_in import wanted

LASTS = timedelta(days=365)

CHOICES = {"theme": ("system", "light", "dark"), "rows": ("comfortable", "compact")}
"""By the name of the cookie: what can be chosen; the first needs none."""


@require_POST
@signed_in
def choose(request: SignedInRequest) -> HttpResponse:
    """With `next`, to go on there; for htmx, the page stays."""
    response = HttpResponse(status=204) if request.htmx else redirect(wanted(request) or "account")
    for name, (usual, *others) in CHOICES.items():
        chosen = request.POST.get(name)
        if chosen == usual:
            response.delete_cookie(name, samesite="Lax")
        elif chosen in others:
            response.set_cookie(
                name, chosen, max_age=LASTS, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
            )
    return response
