"""Organizations: founding, changing, handing over and deleting them (SPEC U13, E2)."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db.models import Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.status import HTTP_201_CREATED, HTTP_202_ACCEPTED

from api import problems, states
from api.base import Answer, ApiView, CredentialsView
from api.description import describes
from api.front import BASE
from api.problems import Problem, refused
from api.resources import OneOrganization, Organizations
from api.serializers import RESOURCES, CommandQuery, Exact, OrganizationState
from groups_provisioning.actions import founding
from groups_provisioning.models import PushedGroup
from orgs import deletions, organizations, owners
from orgs.db.keys import fold
from orgs.models import Entity, Organization, OrgDeletion, Plan, SchemaProfile, User
from orgs.organizations import OrganizationExists
from orgs.owners import SameAddress
from orgs.sign_in import ADDRESS

NEWEST = 100  # deletions that are listed


class ProfileField(serializers.CharField):
    """A schema profile, by its key."""

    def to_internal_value(self, data: Any) -> SchemaProfile:  # type: ignore[override]
        key = super().to_internal_value(data)
        known = SchemaProfile.objects.order_by("key").values_list("key", flat=True)
        if key not in known:  # whatever text it is, not all of which a database takes
            raise serializers.ValidationError(f"There is no profile {key}. There are: {', '.join(known)}.")
        return SchemaProfile.objects.get(key=key)


class FeaturesBody(Exact):
    """group_provisioning_activated: whether the org's admins may switch group provisioning on."""

    user_provisioning = serializers.BooleanField(required=False)
    group_provisioning_activated = serializers.BooleanField(required=False)
    group_provisioning = serializers.BooleanField(required=False)
    teams = serializers.BooleanField(required=False)
    concurrency_groups = serializers.BooleanField(required=False)
    sub_organizations = serializers.BooleanField(required=False)


class OrganizationChanges(Exact):
    """What is left out stays as it is. sso_configured: that people sign in through the operator's own product, on the
    operator's word. An org's own key may switch `features.group_provisioning`, and nothing else.
    """

    name = serializers.CharField(max_length=150, required=False)
    plan = serializers.ChoiceField(Plan.choices, required=False)
    sso_configured = serializers.BooleanField(required=False)
    profile = ProfileField(required=False)
    features = FeaturesBody(required=False)


class NewOrganization(OrganizationChanges):
    """owner: the address of the owner account, whom a mail with a link to set a password is sent, unless `mails_owner`
    is false. slug: made of the name if left out. profile: `standard` if left out. Group provisioning that is on is
    activated as well.
    """

    name = serializers.CharField(max_length=150)
    slug = serializers.SlugField(max_length=80, required=False)
    owner = serializers.EmailField(max_length=ADDRESS)
    mails_owner = serializers.BooleanField(default=True)


class OwnerBody(Exact):
    email = serializers.EmailField(max_length=ADDRESS)


class OwnerState(serializers.Serializer[Any]):
    """The owner account, which is a person of the org."""

    id = serializers.CharField()
    email = serializers.CharField(source="user_name")


class DeletionQuery(CommandQuery):
    """confirm: the slug of the org; not needed for a preview."""

    confirm = serializers.CharField(required=False)


class DeletionState(serializers.Serializer[Any]):
    """organization: its id, as long as anything of it is there. stages, done: how many there are, and are done. rows:
    how many were deleted so far.
    """

    id = serializers.CharField()
    organization = serializers.CharField(source="org_id", allow_null=True)
    name = serializers.CharField()
    slug = serializers.CharField()
    asked_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    rows = serializers.IntegerField()
    stages = serializers.IntegerField()
    done = serializers.IntegerField()


class FoundedOrganization(OrganizationState):
    """The new organization."""

    id = serializers.UUIDField()
    owner = OwnerState()


class DeletionsPage(serializers.Serializer[Any]):
    """The newest deletions."""

    items = DeletionState(many=True)


class OrganizationList(Organizations):
    @describes(
        "Create an organization",
        body=NewOrganization,
        answer=FoundedOrganization,
        status=201,
        problems=("operator-only", "organization-exists", "not-activated"),
        previews=True,
    )
    def post(self, request: Request) -> Answer:
        """Found one, with its owner account and the starting rules of its profile."""
        self.for_the_operator()
        wished = self.body(request, NewOrganization)
        name, slug = wished["name"], wished.get("slug") or organizations.slug_of(wished["name"])
        settings = {each: value for each, value in _settings(wished).items() if each not in ("name", "profile")}
        if settings.get("group_provisioning") and not settings.setdefault("group_provisioning_activated", True):
            raise organizations.NotActivated

        def found() -> dict[str, Any]:
            founded = founding.found(
                name=name,
                slug=slug,
                owner_email=wished["owner"],
                profile=wished.get("profile") or SchemaProfile.objects.get(key="standard"),
                settings=settings,
                mails_owner=wished["mails_owner"],
                cause=self.cause,
            )
            return _organization(founded.org) | {"owner": OwnerState().to_representation(founded.owner)}

        try:
            return self.carry_out(request, found, status=HTTP_201_CREATED)
        except OrganizationExists as refusal:
            raise _taken(refusal, Q(slug=slug) | Q(name_key=fold(name))) from None


class OrganizationDetail(OneOrganization):
    @describes(
        "Change an organization",
        body=OrganizationChanges,
        answer=RESOURCES["organization"],
        problems=("operator-only", "organization-exists", "profile-in-use", "not-activated"),
        previews=True,
    )
    def patch(self, request: Request, org: UUID) -> Answer:
        """What is left out stays as it is."""
        wishes = _settings(self.body(request, OrganizationChanges))
        if wishes.keys() - {"group_provisioning"}:
            self.for_the_operator()

        def change() -> dict[str, Any]:
            if self.key_of is None:
                organizations.change(org=self.org, wishes=wishes, cause=self.cause)
            elif wishes:
                on = wishes["group_provisioning"]
                organizations.switch_group_provisioning(org=self.org, on=on, cause=self.cause)
            return _organization(self.org)

        try:
            return self.carry_out(request, change)
        except OrganizationExists as refusal:
            raise _taken(refusal, Q(name_key=fold(wishes["name"]))) from None

    @describes(
        "Delete an organization",
        query=DeletionQuery,
        answer=DeletionState,
        status=202,
        problems=("operator-only",),
        previews=True,
    )
    def delete(self, request: Request, org: UUID) -> Answer:
        """Close it at once, and have it deleted for good; the answer says where to ask how far that is."""
        self.for_the_operator()
        asked = self.asked(request, DeletionQuery)
        if not asked["preview"] and asked.get("confirm") != self.org.slug:
            raise problems.invalid({"confirm": ["Repeat the slug of the organization, which is deleted for good."]})

        def begin() -> dict[str, Any]:
            return _deletion(deletions.begin(org=self.org, cause=self.cause))

        answer = self.carry_out(
            request,
            begin,
            status=HTTP_202_ACCEPTED,
            query=DeletionQuery,
            besides=lambda: _counts(self.org),
        )
        if asked["preview"]:
            return answer
        return answer._replace(headers={"Location": f"{BASE}/deletions/{answer.value['id']}"})


class DeletionList(ApiView):
    """Organizations that are being deleted and were, the newest first."""

    @describes("List deletions", answer=DeletionsPage, problems=("operator-only",))
    def get(self, request: Request) -> dict[str, Any]:
        """Organizations that are being deleted and were, the newest first."""
        self.for_the_operator()
        return {"items": [_deletion(each) for each in OrgDeletion.objects.order_by("-id")[:NEWEST]]}


class DeletionDetail(ApiView):
    @describes("Read a deletion", answer=DeletionState, problems=("operator-only",))
    def get(self, request: Request, deletion: UUID) -> dict[str, Any]:
        """How far it is."""
        self.for_the_operator()
        found = OrgDeletion.objects.filter(id=deletion).first()
        if found is None:
            raise problems.not_found()
        return _deletion(found)


class OrganizationOwner(CredentialsView):
    """The owner account. The owner hands it over on a page, with their password; the operator here."""

    @describes("Read the owner", answer=OwnerState)
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        return _owner(self.org)

    @describes(
        "Hand the owner account over", body=OwnerBody, answer=OwnerState, problems=("operator-only",), previews=True
    )
    def put(self, request: Request, org: UUID) -> Answer:
        """Hand it over: whatever opened it until now ends, and both addresses are mailed."""
        self.for_the_operator()
        address = self.body(request, OwnerBody)["email"]

        def hand_over() -> dict[str, Any]:
            with suppress(SameAddress):  # asked twice
                owners.hand_over(org=self.org, address=address, cause=self.cause)
            return _owner(self.org)

        return self.carry_out(request, hand_over)


def _taken(refusal: OrganizationExists, by: Q) -> Problem:
    """With the id of the org that has the name, so that whoever asks twice finds it."""
    there = Organization.objects.filter(by).values_list("id", flat=True).first()
    detail = "Another organization has this name or slug."
    return refused(refusal, detail, organization=str(there) if there else None)


def _settings(wished: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked for, by the names in organizations.OF_SUPPORT."""
    flat = {**wished, **wished.get("features", {})}
    return {name: flat[name] for name in organizations.OF_SUPPORT if name in flat}


def _organization(org: Organization) -> dict[str, Any]:
    state = states.one("organization", org.id)
    assert state
    return state


def _owner(org: Organization) -> dict[str, Any]:
    return OwnerState().to_representation(User.objects.for_org(org).get(is_owner=True))


def _counts(org: Organization) -> dict[str, Any]:
    """How many go of what people know of; the rows beside them are many more."""
    return {
        "deletes": {
            "people": User.objects.for_org(org).count(),
            "groups": PushedGroup.objects.for_org(org).count(),
            "entities": Entity.objects.for_org(org).count(),
        }
    }


def _deletion(deletion: OrgDeletion) -> dict[str, Any]:
    done, stages = deletions.progress(deletion)
    if deletion.finished_at is not None:
        done = stages
    row = {field.attname: getattr(deletion, field.attname) for field in deletion._meta.concrete_fields}
    return DeletionState().to_representation(row | {"done": done, "stages": stages})
