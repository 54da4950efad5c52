"""The reference implementation of Standard Webhooks verifies what we send. Skipped without npm, except in CI."""

import base64
import json
import subprocess
from collections.abc import Callable

from api.webhooks import endpoints
from orgs import feed
from orgs.models import Organization
from tests.api.webhooks.receiver import Receiver
from tests.api.webhooks.test_deliveries import serve
from tests.factories import UserFactory
from tests.groups_provisioning.world import by_command
from tests.sso.counterparts.conftest import node

__all__ = ["node"]


def test_what_is_sent_verifies_with_either_secret_and_nothing_else(  # E3
    org: Organization, receiver: Receiver, node: Callable[[str], tuple[str, str]]
) -> None:
    former = endpoints.create(org=org, url=receiver.url(), kinds=["person"], max_items=5, cause=by_command())
    about = {"org": org, "endpoint_id": former.endpoint.id, "cause": by_command()}
    secrets = {"new": endpoints.rotate_secret(**about).secret, "former": former.secret}
    zoe = UserFactory.create(org=org, given_name="Zoë 🐙 \u2028")
    feed.touch(org.id, [("person", str(zoe.id))])
    serve()
    (heard,) = receiver.heard
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    headers = {name: heard.headers[name] for name in names}
    late = {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 3600)}
    stranger = f"whsec_{base64.b64encode(b'x' * 32).decode()}"
    said = {
        **{f"as sent, {name}": (secret, headers, heard.body) for name, secret in secrets.items()},
        "another body": (secrets["new"], headers, heard.body + b" "),
        "another id": (secrets["new"], headers | {"webhook-id": "msg_x"}, heard.body),
        "an hour old": (secrets["new"], headers | late, heard.body),
        "a stranger": (stranger, headers, heard.body),
    }
    messages = {
        name: {"secret": secret, "headers": sent, "body": base64.b64encode(body).decode()}
        for name, (secret, sent, body) in said.items()
    }
    told = subprocess.run(
        node("webhook_receiver.mjs"), input=json.dumps(messages), text=True, capture_output=True, check=True
    )
    verdicts = json.loads(told.stdout)
    assert {name for name, verdict in verdicts.items() if verdict == "verified"} == {"as sent, new", "as sent, former"}
    assert verdicts.keys() == said.keys()
