"""What is changed by hand about one person, and erasing them (SPEC R1, R4, U5, U12)."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from api import problems, states
from api.base import Answer
from api.commands.previews import DecisionView
from api.description import describes
from api.problems import Problem
from api.serializers import RESOURCES, Exact
from groups_provisioning.actions import account_switches, erasing, manual_changes
from groups_provisioning.preview.plans import Wish
from orgs.db.keys import fold
from orgs.models import User
from orgs.people import UnknownPerson


class RolesBody(Exact):
    """roles: null for what groups and the identity provider say."""

    roles = serializers.ListField(child=serializers.CharField(), min_length=1, max_length=100, allow_null=True)


class EraseBody(Exact):
    """confirm: the user name of the person."""

    confirm = serializers.CharField(trim_whitespace=False)


class ErasureState(serializers.Serializer[Any]):
    """The receipt of an erasure. completed_at: null while what names them elsewhere is still being looked for."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)


PERSON = RESOURCES["person"]
UNKNOWN = ("unknown-person", "unknown-entity")


class PersonView(DecisionView):
    """Commands about a person, who is told as they are afterwards."""

    def change(
        self, request: Request, person: UUID, run: Callable[[], Any], wish: Wish | None = None, **options: Any
    ) -> Answer:
        """run: the command. wish, options: as `decide` has them."""

        def do() -> Any:
            had = states.one("person", person)
            run()
            has = states.one("person", person)
            # Whoever is activated gets what a group, or an admin, once gave them.
            self.may_give(*{*_roles(has)} - {*_roles(had)})
            return has

        return self.decide(request, wish, do, **options)

    def place(self, request: Request, person: UUID, does: Callable[..., Any], entity: UUID) -> Answer:
        run = partial(does, org=self.org, user_id=person, entity_id=entity, cause=self.cause)
        return self.change(request, person, run)


def _roles(person: dict[str, Any] | None) -> list[str]:
    return person["roles"] if person else []


class Place(PersonView):
    """A place by hand. What the identity provider says of places that exclude each other goes before it (SPEC R2)."""

    @describes(
        "Place a person by hand",
        answer=PERSON,
        previews=True,
        problems=("unknown-person", "unknown-entity", "kind-off"),
    )
    def put(self, request: Request, org: UUID, person: UUID, entity: UUID) -> Answer:
        return self.place(request, person, manual_changes.place, entity)

    @describes("Take a person out of a place", answer=PERSON, previews=True, problems=UNKNOWN)
    def delete(self, request: Request, org: UUID, person: UUID, entity: UUID) -> Answer:
        """If SCIM places them there, a removal stands against it."""
        return self.place(request, person, manual_changes.take_out, entity)


class Removal(PersonView):
    """That somebody was taken out by hand of what SCIM places them in."""

    @describes("End the removal of a person", answer=PERSON, previews=True, problems=UNKNOWN)
    def delete(self, request: Request, org: UUID, person: UUID, entity: UUID) -> Answer:
        """SCIM decides again whether they are placed there."""
        return self.place(request, person, manual_changes.put_back, entity)


class Roles(PersonView):
    @describes(
        "Set the roles of a person by hand",
        body=RolesBody,
        answer=PERSON,
        asks=True,
        previews=True,
        problems=("unknown-person", "unknown-role"),
    )
    def put(self, request: Request, org: UUID, person: UUID) -> Answer:
        """The role of admins needs the scope `credentials` besides."""
        roles = self.body(request, RolesBody)["roles"]
        if roles is not None:
            self.check_roles(roles)
        wish: Wish = {"do": "set_roles", "user": str(person), "roles": roles}
        return self.change(request, person, lambda: self.run(wish), meant=wish)


class Deactivate(PersonView):
    @describes(
        "Deactivate a person",
        answer=PERSON,
        foresees=True,
        problems=("unknown-person", "owner-stays"),
    )
    def post(self, request: Request, org: UUID, person: UUID) -> Answer:
        user = User.objects.for_org(self.org).live().filter(id=person).first()
        if user is None:
            raise UnknownPerson(person)
        account_switches.refuse_to_close(user, self.cause)
        wish: Wish = {"do": "switch_person", "user": str(person), "active": False}
        return self.change(request, person, lambda: self.run(wish), wish)


class Activate(PersonView):
    @describes(
        "Activate a person",
        answer=PERSON,
        asks=True,
        foresees=True,
        problems=("unknown-person", "idp-deactivated"),
    )
    def post(self, request: Request, org: UUID, person: UUID) -> Answer:
        wish: Wish = {"do": "switch_person", "user": str(person), "active": True}
        return self.change(request, person, lambda: self.run(wish), wish)


class Erase(PersonView):
    """For good. What names them elsewhere goes in the background, until the receipt is complete."""

    @describes(
        "Erase a person",
        body=EraseBody,
        answer=ErasureState,
        status=202,
        previews=True,
        problems=("unknown-person", "still-active", "owner-only"),
    )
    def post(self, request: Request, org: UUID, person: UUID) -> Answer:
        """For good. Somebody who is active has to be deactivated first."""
        self._owners_only()
        typed = self.body(request, EraseBody)["confirm"]
        user = User.objects.for_org(self.org).filter(id=person, is_owner=False, erased_at=None).first()
        if user is None:
            raise UnknownPerson(person)
        if fold(typed.strip()) != fold(user.user_name.strip()):
            raise problems.invalid({"confirm": ["This is not the user name of the person."]})

        def do() -> Any:
            receipt = erasing.erase(org=self.org, user_id=person, cause=self.cause)
            return {"id": str(person), "at": receipt.at, "completed_at": receipt.completed_at}

        return self.decide(request, None, do, status=202)

    def _owners_only(self) -> None:
        """As on the pages: no admin erases anybody with a key of their own."""
        assert self.key
        maker = self.key.created_by
        if self.key.org_id and maker is not None and not maker.is_owner:
            detail = "Only keys of the operator, or that the owner of the organization has made, erase people."
            raise Problem(403, detail, kind="owner-only", title="The key may not do this")
