"""What is read on pages, and people with names."""

import html
import re
from typing import Any

from django.test import Client

from orgs.models import Organization, User
from tests.factories import UserFactory
from tests.groups_provisioning.ties import settle


def text(answer: Any) -> str:
    """What is read on a page."""
    body = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", answer.content.decode(), flags=re.DOTALL).replace("<wbr>", "")
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def text_of(browser: Client, address: str) -> str:
    return text(browser.get(address))


def person(org: Organization, given: str, family: str, **more: Any) -> User:
    user = UserFactory.create(
        org=org,
        user_name=f"{given.lower()}@corp.example",
        given_name=given,
        family_name=family,
        folded={"name": {"givenName": given.lower(), "familyName": family.lower()}},
        **more,
    )
    settle(user)
    return user
