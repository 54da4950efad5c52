"""Rows as the commands would leave them."""

from typing import Any

import factory
from django.utils import timezone

from groups_provisioning.models import Breach, BreachState, GroupMapping, Hold, Status
from orgs import queue, tokens
from orgs.change_details import MappingApproved, UserChanged
from orgs.db.keys import fold
from orgs.history import Cause, record
from orgs.models import Door, Entity, EntityKind, Organization, Plan, SchemaProfile, Standing, User
from orgs.people import give_staff_role
from orgs.staff_groups import StaffRole


class OrganizationFactory(factory.django.DjangoModelFactory):
    """An org that is ready for SCIM, every feature on."""

    class Meta:
        model = Organization
        skip_postgeneration_save = True

    class Params:
        dialect = "standard"

    name = factory.Sequence(lambda n: f"Org {n}")
    slug = factory.Sequence(lambda n: f"org-{n}")
    profile = factory.LazyAttribute(lambda o: SchemaProfile.objects.get(key=o.dialect))
    plan = Plan.ENTERPRISE
    sso_configured = True
    user_provisioning = True
    group_provisioning_activated = True
    group_provisioning = True
    teams = True
    concurrency_groups = True
    sub_organizations = True

    @factory.post_generation
    def turn(self: Organization, create: bool, extracted: None, **_: Any) -> None:
        queue.enrol(self, at=timezone.now())


class UserFactory(factory.django.DjangoModelFactory):
    """A person whom SCIM manages, with the default role."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    org = factory.SubFactory(OrganizationFactory)
    user_name = factory.Sequence(lambda n: f"person{n}@corp.example")
    login_email = factory.LazyAttribute(lambda o: fold(o.user_name) if "@" in o.user_name else None)
    scim_managed = True
    password = ""
    created_at = factory.LazyFunction(timezone.now)
    modified_at = factory.SelfAttribute("created_at")

    @factory.post_generation
    def roles(self: User, create: bool, extracted: list[str] | None, **_: Any) -> None:
        if self.org is not None:
            default = self.org.profile.roles.get(is_default=True).key
            Standing.objects.create(user=self, org=self.org, roles=extracted or [default])


class OwnerFactory(UserFactory):
    is_owner = True
    scim_managed = False


class StaffFactory(UserFactory):
    """A member of the support staff; `role` gives the name of their group instead of making them a superuser."""

    org = None
    is_staff = True
    is_superuser = True
    scim_managed = False

    @factory.post_generation
    def role(self: User, create: bool, extracted: str | None, **_: Any) -> None:
        if extracted:
            give_staff_role(user_id=self.id, role=StaffRole(extracted))
            self.refresh_from_db()


def issue_token(org: Organization, name: str = "test", **options: Any) -> tokens.Issued:
    """A token with its secret."""
    return tokens.issue(org=org, name=name, cause=Cause(Door.COMMAND, timezone.now()), **options)


class EntityFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Entity

    org = factory.SubFactory(OrganizationFactory)
    kind = EntityKind.TEAM
    name = factory.Sequence(lambda n: f"Entity {n}")
    created_at = factory.LazyFunction(timezone.now)


class MappingFactory(factory.django.DjangoModelFactory):
    """An approved mapping of `group` to an entity of its own. Nobody is marked, and nothing is settled."""

    class Meta:
        model = GroupMapping

    class Params:
        approved_at = factory.LazyFunction(timezone.now)
        fell_back_at = None

    kind = EntityKind.TEAM
    org = factory.SelfAttribute("group.org")
    entity = factory.SubFactory(EntityFactory, org=factory.SelfAttribute("..org"), kind=factory.SelfAttribute("..kind"))
    status = Status.APPROVED
    switched_at = factory.LazyAttribute(lambda o: [at for at in (o.approved_at, o.fell_back_at) if at])
    created_at = factory.LazyAttribute(lambda o: o.approved_at or timezone.now())
    change = factory.LazyAttribute(
        lambda o: record(o.org, Cause(Door.COMMAND, o.created_at), MappingApproved(mappings=[], marked=0))
    )


class HoldFactory(factory.django.DjangoModelFactory):
    """Somebody who keeps the admin role, which a token would take away; the breach is open."""

    class Meta:
        model = Hold

    org = factory.SubFactory(OrganizationFactory)
    user = factory.LazyAttribute(lambda o: UserFactory.create(org=o.org, roles=[_admin_of(o.org)]))
    at = factory.LazyFunction(timezone.now)
    kept = factory.LazyAttribute(lambda o: {"roles": [_admin_of(o.org)], "places": []})
    breach = factory.LazyAttribute(lambda o: breach_of(o.org))
    change = factory.LazyAttribute(
        lambda o: record(o.org, Cause(Door.SCIM, o.at, token=o.breach.token), UserChanged(user=str(o.user.id)))
    )


def breach_of(org: Organization) -> Breach:
    """An open one, of a new token."""
    now = timezone.now()
    about = {"rules": ["demotions"], "began_at": now, "opened_at": now, "last_mark": 0}
    return Breach.objects.create(org=org, token=issue_token(org).token, state=BreachState.OPEN, **about)


def _admin_of(org: Organization) -> str:
    return org.profile.roles.get(is_admin=True).key
