"""Forms that make a credential, which a reload must not make again."""

import uuid

from django import forms

from orgs.web.access import OrgRequest

REMEMBERED = 20


def once_field() -> forms.UUIDField:
    """A hidden field that tells a form that a reload sends again from a new one."""
    return forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


def is_first_time(request: OrgRequest, once: str) -> bool:
    """Whether this form is sent for the first time in this session. once: what its hidden field has."""
    sent = request.session.get("sent_forms", [])
    if once in sent:
        return False
    request.session["sent_forms"] = [*sent, once][-REMEMBERED:]
    return True
