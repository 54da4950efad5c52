"""The form and the words for the protocol that was chosen, on the admins' pages and through a setup link."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest

from sso.connections import Facts, SamlFacts
from sso.models import Connection, Protocol, Revision
from sso.status import is_readable
from sso.web.forms import ConfigurationForm
from sso.web.guides import CLAIMS, Guide, guide
from sso.web.saml_form import SamlForm
from sso.web.saml_guides import ATTRIBUTES, SamlGuide, saml_guide

Form = ConfigurationForm | SamlForm


def guide_of(connection: Connection) -> Guide | SamlGuide:
    """Of the identity provider and the protocol that were chosen."""
    return saml_guide(connection) if connection.protocol == Protocol.SAML else guide(connection)


def form_of(
    request: HttpRequest, connection: Connection, present: Revision | None, *, keeps_secret: bool = True
) -> Form:
    """present: what is changed; left out if it is of the other protocol. keeps_secret: whether its secret may stay."""
    posted = request.method == "POST"
    data = request.POST if posted else None
    if present is not None and present.protocol != connection.protocol:
        present = None
    if connection.protocol == Protocol.SAML:
        files = request.FILES if posted else None
        return SamlForm(data, files, connection=connection, guide=saml_guide(connection), present=present)
    readable = keeps_secret and present is not None and is_readable(present)
    return ConfigurationForm(data, connection=connection, guide=guide(connection), present=present, readable=readable)


def facts_of(form: Form, *, now: datetime) -> Facts | SamlFacts:
    """What a valid form says. May take ten seconds, for metadata at an address. Raises Refused."""
    return form.facts(now=now) if isinstance(form, SamlForm) else form.facts()


def words_of(connection: Connection) -> dict[str, Any]:
    """What the templates need beside the form."""
    saml = connection.protocol == Protocol.SAML
    return {
        "connection": connection,
        "guide": guide_of(connection),
        "claims": ATTRIBUTES if saml else CLAIMS,
        "protocol": Protocol(connection.protocol),
        "other_protocol": Protocol.OIDC if saml else Protocol.SAML,
    }
