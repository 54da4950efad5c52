"""Forms that make a credential, which a reload must not make again."""

import uuid

from django import forms

from orgs.web.access import OrgRequest

REMEMBERED = 20


def once_field() -> forms.UUIDField:
    """A hidden field that tells a form that a reload sends again from a new one."""
    return forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


def was_carried_out(request: OrgRequest, once: str) -> bool:
    """Whether what this form asks for was done in this session. once: what its hidden field has."""
    return once in request.session.get("sent_forms", [])


def note_carried_out(request: OrgRequest, once: str) -> None:
    """What the form asks for is done. One that was refused is not: corrected, it is sent again with the same field."""
    request.session["sent_forms"] = [*request.session.get("sent_forms", []), once][-REMEMBERED:]
