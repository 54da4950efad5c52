"""What a page answers that failed."""

import sys

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views import defaults

from orgs.db.transactions import is_unavailable

RETRY_AFTER = 5  # seconds


def failed(request: HttpRequest) -> HttpResponse:
    """503 where the database did not answer, otherwise 500. Called while the exception is handled."""
    if not is_unavailable(sys.exception()):
        return defaults.server_error(request)
    page = loader.get_template("503.html").render()  # without a request: its context would ask the database
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER)})
