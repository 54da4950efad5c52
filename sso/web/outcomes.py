"""What a test run came to, for a page."""

import json
from typing import Any

from django.utils import timezone

from orgs.models import Organization
from sso.identities import NAME_ID
from sso.refusal_advice import advice
from sso.refusal_words import in_words
from sso.status import status
from sso.test_runs import Outcome

LONGEST = 200  # characters of a claim that the page shows


def described(org: Organization, found: Outcome, *, begun: bool = True) -> dict[str, Any]:
    """The outcome in words, its claims, and the org's status. begun: whether it came to the identity provider."""
    present = status(org, at=timezone.now())
    context: dict[str, Any] = {"outcome": found, "status": present, "begun": begun}
    if found.refused is not None:
        context |= {"refused": in_words(found.refused), "advice": advice(found.refused.reason)}
    if found.identity is not None:
        revision = present.revision
        used = {"sub", NAME_ID}
        if revision is not None:
            used |= {revision.user_name_claim, revision.external_id_claim}
        context["claims"] = [(name, _shown(value), name in used) for name, value in found.identity.claims.items()]
    return context


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
