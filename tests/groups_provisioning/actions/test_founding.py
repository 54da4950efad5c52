"""New orgs, as the command line makes them."""

from io import StringIO

import pytest
from django.core.management import call_command

from groups_provisioning.engine import effect_checks
from groups_provisioning.models import MappingRule
from orgs.models import Organization

pytestmark = pytest.mark.usefixtures("db")


def create_org(*options: str, profile: str) -> str:
    out = StringIO()
    call_command("create_org", "Acme", "--admin", "owner@acme.example", "--profile", profile, *options, stdout=out)
    return out.getvalue()


def test_an_org_has_an_owner_and_the_rules_of_its_profile() -> None:  # O8, SPEC section 2
    told = create_org("--enable-all", profile="testomat")
    assert "owner@acme.example" in told
    org = Organization.objects.get(name="Acme")
    assert org.people.get().is_owner
    rule = MappingRule.objects.get(org=org)
    assert (rule.pattern_type, rule.kind, rule.auto_approve) == ("all", "team", True)


def test_a_new_org_is_as_the_facts_say() -> None:  # C4
    create_org("--enable-all", profile="testomat")
    assert effect_checks.check(Organization.objects.get().id, seconds=60).drifted == 0


@pytest.mark.parametrize("profile", ["standard", "lambdatest"])
def test_an_org_of_the_other_profiles_starts_without_rules(profile: str) -> None:
    create_org(profile=profile)
    assert not MappingRule.objects.exists()
