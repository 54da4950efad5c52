"""Rows of statements that are built once are those that Django would read."""

from typing import Any

from django.db import models, transaction

from groups_provisioning.actions import group_intake, user_intake
from groups_provisioning.models import PushedGroup
from orgs import tokens
from orgs.models import Organization, ScimToken, User
from tests.conftest import Idp
from tests.factories import issue_token
from tests.groups_provisioning.world import push, push_user


def columns(row: models.Model) -> dict[str, Any]:
    return {field.attname: row.__dict__[field.attname] for field in row._meta.concrete_fields}


def test_rows_that_are_to_be_written(idp: Idp, org: Organization) -> None:
    user = User.objects.get(id=push_user(idp, "Ada Lovelace"))
    idp.patch(f"/Users/{user.id}", {"op": "add", "path": "urn:x:y:1.0:User:tags", "value": ["a", {"b": 1.5}, None]})
    group = push(idp, "Engineers", user, externalId="g1")
    with transaction.atomic():
        found = user_intake._to_write().get("id", user.id, lock="FOR UPDATE")
        assert columns(found) == columns(User.objects.get(id=user.id))
        assert found.locked_at > found.modified_at
        found = group_intake._to_write().get("id", group.id, lock="FOR UPDATE")
        assert columns(found) == columns(PushedGroup.objects.get(id=group.id))
        assert user_intake._to_write().get("id", user.id, where="t0.org_id <> %s", params=[org.id]) is None


def test_a_token_with_its_org_and_profile(org: Organization) -> None:
    issued = issue_token(org)
    found = tokens.recognise(issued.secret)
    assert found
    asked = ScimToken.objects.select_related("org__profile").get(id=issued.token.id)
    for row, same in ((found, asked), (found.org, asked.org), (found.org.profile, asked.org.profile)):
        assert columns(row) == columns(same)
