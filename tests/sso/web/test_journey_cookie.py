"""The cookie in which a browser takes a journey along."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from orgs.db.keys import uuid7
from sso.journeys import Journey
from sso.models import Connection
from sso.oidc.flow import Attempt
from sso.refusals import Reason, Refused
from sso.web import journey_cookie
from tests.sso.oidc.issuer import NOW

CONNECTION = Connection(created_at=NOW)
JOURNEY = Journey(CONNECTION.id, uuid7(), NOW, Attempt(), NOW, None, "/people/")


def taken(cookies: dict[str, str], connection: Connection = CONNECTION, *, minutes: int = 9) -> Journey:
    request = RequestFactory().get("/")
    request.COOKIES = cookies
    return journey_cookie.taken(request, connection, NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("https", [True, False])
def test_it_is_given_to_nobody_else_and_comes_back_from_another_site(settings: Settings, https: bool) -> None:  # L2
    settings.SESSION_COOKIE_SECURE = https
    response = HttpResponse()
    journey_cookie.keep(response, JOURNEY)
    (cookie,) = response.cookies.values()
    assert taken({cookie.key: cookie.value}) == JOURNEY
    assert (bool(cookie["httponly"]), bool(cookie["secure"])) == (True, https)
    assert (cookie["samesite"], cookie["path"], cookie["max-age"]) == ("Lax", "/sso/", 600)


def test_without_the_one_of_this_connection_there_is_no_journey() -> None:  # L2
    response = HttpResponse()
    journey_cookie.keep(response, replace(JOURNEY, connection_id=uuid7()))
    of_another = {name: cookie.value for name, cookie in response.cookies.items()}
    for cookies in ({}, of_another):
        with pytest.raises(Refused) as refused:
            taken(cookies)
        assert refused.value.reason == Reason.STATE
