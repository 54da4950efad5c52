"""What the API takes and gives, in the words of DRF."""

from collections.abc import Mapping
from datetime import UTC
from functools import cache
from typing import Any, cast

from rest_framework import serializers

from groups_provisioning.choices import TARGET_KINDS
from groups_provisioning.engine.undo_plan import Reason
from groups_provisioning.models import Status
from orgs.change_details import VERBS
from orgs.db.keys import fold
from orgs.feed import NUMBERS
from orgs.models import Door

DEFAULT, MOST = 500, 1000  # items of a page


class KindsField(serializers.CharField):
    """Names of kinds, separated by commas."""

    default_error_messages = {"unknown": "There is no kind {name}. There are: {known}."}

    def to_internal_value(self, data: Any) -> frozenset[str]:  # type: ignore[override]
        names = frozenset(super().to_internal_value(data).split(","))
        known = self.context["kinds"]
        if unknown := sorted(names - known):
            self.fail("unknown", name=unknown[0], known=", ".join(kind for kind in NUMBERS if kind in known))
        return names


class Exact(serializers.Serializer[Any]):
    """What a client sends, parameters or a body. Names that are not known are refused: nothing is lost silently."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = [name for name in data if name not in self.fields] if isinstance(data, Mapping) else []
        wrong: dict[str, Any] = {name: ["There is no such name here."] for name in unknown}
        try:
            found = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError(cast(dict[str, Any], error.detail) | wrong) from None
        if wrong:
            raise serializers.ValidationError(wrong)
        return found


class CommandQuery(Exact):
    """The parameters of a request that changes something."""

    preview = serializers.BooleanField(
        default=False, help_text="Change nothing, and answer what would have been changed."
    )


class PageQuery(Exact):
    """The parameters of a request for a list; those of subclasses are columns, which have to be equal."""

    after = serializers.CharField(required=False, help_text="`next` of the page before.")
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=DEFAULT, help_text="Items of a page.")


class Folded(serializers.CharField):
    """A text that is compared without case. source: the column that has the key."""

    def to_internal_value(self, data: Any) -> str:
        return fold(super().to_internal_value(data))


class OrganizationsQuery(PageQuery):
    name = Folded(source="name_key", required=False, trim_whitespace=False, help_text="In any letter case.")
    slug = serializers.CharField(required=False, help_text="Letter for letter.")


class PeopleQuery(PageQuery):
    user_name = Folded(source="user_name_key", required=False, trim_whitespace=False, help_text="In any letter case.")
    external_id = serializers.CharField(required=False, trim_whitespace=False, help_text="Letter for letter.")


class EntitiesQuery(PageQuery):
    name = Folded(source="name_key", required=False, trim_whitespace=False, help_text="In any letter case.")


class GroupsQuery(PageQuery):
    display_name = Folded(
        source="display_name_key", required=False, trim_whitespace=False, help_text="In any letter case."
    )
    external_id = serializers.CharField(required=False, trim_whitespace=False, help_text="Letter for letter.")


class ChangesQuery(Exact):
    """The parameters of a request for changes."""

    after = serializers.CharField(required=False, help_text="`next` of the page before; without it, everything.")
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=DEFAULT, help_text="Items of a page.")
    kinds = KindsField(required=False, help_text="Kinds of resources, separated by commas; without it, all.")


class Object(serializers.JSONField):
    """A JSON object of any shape."""


class Objects(serializers.JSONField):
    """A list of JSON objects of any shape."""


class VerbsField(serializers.CharField):
    """Verbs of changes, separated by commas."""

    default_error_messages = {"unknown": "There is no verb {name}."}

    def to_internal_value(self, data: Any) -> frozenset[str]:  # type: ignore[override]
        verbs = frozenset(super().to_internal_value(data).split(","))
        if unknown := sorted(verbs - VERBS.keys()):
            self.fail("unknown", name=unknown[0])
        return verbs


class HistoryQuery(Exact):
    """The parameters of a request for history."""

    after = serializers.CharField(required=False, help_text="`next` of the page before; without it, from the first.")
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=DEFAULT, help_text="Items of a page.")
    since = serializers.DateTimeField(default=None, default_timezone=UTC, help_text="The first moment.")
    until = serializers.DateTimeField(default=None, default_timezone=UTC, help_text="The first that is too late.")
    resource = serializers.UUIDField(
        default=None, help_text="What a change names, or a person or entity that it had an effect on."
    )
    verb = VerbsField(required=False, help_text="Verbs of changes, separated by commas.")
    format = serializers.ChoiceField(
        ["native", "ocsf"], default="native", help_text="As it is, or as events of the OCSF schema."
    )


class HeldFrom(serializers.Serializer[Any]):
    """since: when it began to be held. change: the id of what the identity provider did."""

    since = serializers.DateTimeField()
    change = serializers.UUIDField()


class PersonState(serializers.Serializer[Any]):
    """A person, and what everything that is known about them comes to. Whoever is inactive has no roles and no places.

    user_name: unique in the organization among people. external_id: what their identity provider calls them. reference:
    their id in a former system. owner:
    whether this is the owner's account, which SCIM does not see. emails: as the identity provider wrote them.
    attributes: whatever else it wrote, in SCIM's spelling; extensions under their URN. roles: those in effect. teams:
    those that they are in. concurrency_group: null for the default one. sub_organization: null for the root. pending:
    true while effects of changes that are known may follow, within seconds. held: why they keep what they had, if what
    an identity provider did to many people at once is held.
    """

    user_name = serializers.CharField()
    external_id = serializers.CharField(allow_null=True)
    reference = serializers.CharField(allow_null=True)
    active = serializers.BooleanField()
    owner = serializers.BooleanField()
    display_name = serializers.CharField(allow_null=True)
    given_name = serializers.CharField(allow_null=True)
    family_name = serializers.CharField(allow_null=True)
    emails = Objects()
    attributes = Object()
    roles = serializers.ListField(child=serializers.CharField())
    teams = serializers.ListField(child=serializers.UUIDField())
    concurrency_group = serializers.UUIDField(allow_null=True)
    sub_organization = serializers.UUIDField(allow_null=True)
    pending = serializers.BooleanField()
    held = HeldFrom(allow_null=True)


class TeamState(serializers.Serializer[Any]):
    """What people are placed in; any number of them."""

    name = serializers.CharField()


class ConcurrencyGroupState(TeamState):
    """What people run sessions in, one for each person.

    session_limit: how many may run at once; null for any number.
    """

    session_limit = serializers.IntegerField(allow_null=True)


class SubOrganizationState(TeamState):
    """A part of the organization; who is in it is in nothing else."""


class MappingState(serializers.Serializer[Any]):
    """What a group gives its members, once its status is `approved` or `auto_approved`.

    kind: of the entity, or `role`. entity: which they are placed in; null where there is none yet, and for a role.
    role: which they get.
    """

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(TARGET_KINDS)
    status = serializers.ChoiceField(Status.choices)
    entity = serializers.UUIDField(allow_null=True)
    role = serializers.CharField(allow_null=True)


class GroupState(serializers.Serializer[Any]):
    """A group that an identity provider pushed.

    external_id: what the identity provider calls it. reference: its id in a former system. imported: true until it is
    pushed. attributes: whatever else the identity provider wrote. roles: what it wrote as roles
    of the group, which every member gets. mappings: those that are not rejected.
    """

    display_name = serializers.CharField()
    external_id = serializers.CharField(allow_null=True)
    reference = serializers.CharField(allow_null=True)
    imported = serializers.BooleanField()
    attributes = Object()
    roles = serializers.ListField(child=serializers.CharField())
    mappings = MappingState(many=True)


class FeaturesState(serializers.Serializer[Any]):
    """What is on."""

    user_provisioning = serializers.BooleanField()
    group_provisioning = serializers.BooleanField()
    teams = serializers.BooleanField()
    concurrency_groups = serializers.BooleanField()
    sub_organizations = serializers.BooleanField()


class OrganizationState(serializers.Serializer[Any]):
    """A tenant.

    slug: what commands and support call it. profile: the schema profile. domains: those that are verified.
    two_persons: whether what makes somebody an admin waits for a second admin.
    """

    name = serializers.CharField()
    slug = serializers.CharField()
    plan = serializers.CharField()
    profile = serializers.CharField()
    domains = serializers.ListField(child=serializers.CharField())
    two_persons = serializers.BooleanField()
    features = FeaturesState()


STATES: dict[str, type[serializers.Serializer[Any]]] = {
    "person": PersonState,
    "team": TeamState,
    "concurrency_group": ConcurrencyGroupState,
    "sub_organization": SubOrganizationState,
    "group": GroupState,
    "organization": OrganizationState,
}


class Would(serializers.Serializer[Any]):
    """A change that would be recorded. detail: what it is about, by verb. effects: on people, as history tells them."""

    verb = serializers.CharField()
    organization = serializers.UUIDField()
    detail = Object()
    effects = Objects()


class Rehearsal(serializers.Serializer[Any]):
    """What a command would do; nothing was changed."""

    preview = serializers.BooleanField()
    changes = Would(many=True)


class Progress(serializers.Serializer[Any]):
    """A preview of many people, which is being made. `Location` says where to ask for it. people: how many it is about.
    looked_at: how many of them were looked at so far.
    """

    preview = serializers.BooleanField()
    people = serializers.IntegerField()
    looked_at = serializers.IntegerField()


class Count(serializers.Serializer[Any]):
    """How many people come to be in an entity, or no longer are."""

    entity = serializers.CharField()
    people = serializers.IntegerField()


class Move(serializers.Serializer[Any]):
    """How many people go from one to another."""

    was = serializers.CharField()
    now = serializers.CharField()
    people = serializers.IntegerField()


class RolesMove(serializers.Serializer[Any]):
    """How many people have other roles."""

    was = serializers.ListField(child=serializers.CharField())
    now = serializers.ListField(child=serializers.CharField())
    people = serializers.IntegerField()


class ConflictCounts(serializers.Serializer[Any]):
    """Conflicts that would open and close. besides: those that close although the decision is about others."""

    opened = serializers.IntegerField()
    closed = serializers.IntegerField()
    besides = serializers.IntegerField()


class Created(serializers.Serializer[Any]):
    """An entity that would be created. entity: what stands for its id in this preview."""

    entity = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField()


class WouldMap(serializers.Serializer[Any]):
    """A group that would be mapped. mapping: its id, or what stands for it in this preview. entity, role: what to."""

    mapping = serializers.UUIDField()
    group = serializers.UUIDField()
    kind = serializers.ChoiceField(TARGET_KINDS)
    entity = serializers.CharField(allow_null=True)
    role = serializers.CharField(allow_null=True)


class WouldWait(serializers.Serializer[Any]):
    """A group whose mapping would wait for somebody to approve it, and why."""

    group = serializers.UUIDField()
    kind = serializers.ChoiceField(TARGET_KINDS)
    reason = serializers.CharField()


class RefusedOne(serializers.Serializer[Any]):
    """One of many that is refused, and stays as it is. problem: as if it had been the only one."""

    id = serializers.UUIDField()
    problem = Object()


class BackTested(serializers.Serializer[Any]):
    """How a rule fared with what was pushed lately.

    since: the first moment that was looked at: thirty days ago, or when history began. pushes: how many groups were
    pushed, restored or renamed. taken: groups that it matches, and that have such a mapping by now, or one that was
    rejected. gone: the names of those that were deleted since, at most 1,000.
    """

    since = serializers.DateTimeField()
    pushes = serializers.IntegerField()
    taken = serializers.ListField(child=serializers.UUIDField())
    gone = serializers.ListField(child=serializers.CharField())


class StaysAsItIs(serializers.Serializer[Any]):
    """What is not taken back. name: when it was looked at. count: of a group's members, how many."""

    kind = serializers.ChoiceField(["person", "group", "mapping", "members", "entity"])
    id = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    reason = serializers.ChoiceField(Reason.choices)
    count = serializers.IntegerField()


class WouldTakeBack(serializers.Serializer[Any]):
    """What would be as it was before. people, groups: that would be changed or deleted. added, removed: memberships.
    refused: the first hundred of what stays as it is.
    """

    people = serializers.IntegerField()
    groups = serializers.IntegerField()
    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    deleted_people = serializers.IntegerField()
    deleted_groups = serializers.IntegerField()
    refused = StaysAsItIs(many=True)
    all_refused = serializers.IntegerField()


class Foreseen(serializers.Serializer[Any]):
    """What would come of a command; nothing was changed. Of more than 5,000 people a worker makes it, see `202`.

    fingerprint: the `ETag`; with it as `If-Match`, the command does exactly this or nothing. people: how many it is
    about. looked_at: of how many it was worked out. touched: how many would have something else than now. entered,
    left, moved: people by the places that they would have. accounts: by the state of their accounts. differences: the
    first hundred; `was` and `now` are an id, roles, or the mappings of a conflict. mapped, waiting: groups by what
    would be of their mappings. refused: those of many that would stay as they are. matched: of a rule, how many groups
    have such a name. back_test: of a rule that is tried on what was pushed lately. taken_back: of
    what is to be taken back.
    """

    preview = serializers.BooleanField()
    fingerprint = serializers.CharField()
    people = serializers.IntegerField()
    looked_at = serializers.IntegerField()
    touched = serializers.IntegerField()
    entered = Count(many=True)
    left = Count(many=True)
    moved = Move(many=True)
    accounts = Move(many=True)
    roles = RolesMove(many=True)
    conflicts = ConflictCounts()
    differences = Objects()
    created = Created(many=True)
    mapped = WouldMap(many=True)
    waiting = WouldWait(many=True)
    refused = RefusedOne(many=True)
    matched = serializers.IntegerField(allow_null=True)
    back_test = BackTested(allow_null=True)
    taken_back = WouldTakeBack(allow_null=True)


# --- Items ------------------------------------------------------------------------------------------------------------


class ChangeState(serializers.Serializer[Any]):
    """A change, as history has it. verb: what was changed, such as `mapping.approved`. door: by which way it came."""

    id = serializers.UUIDField()
    verb = serializers.CharField()
    at = serializers.DateTimeField()
    door = serializers.ChoiceField(Door.choices)


class PersonChange(ChangeState):
    """The last change of a person. differed: which of their effects it changed."""

    differed = serializers.ListField(child=serializers.CharField())


def _made(name: str, told: str, *bases: type[serializers.Serializer[Any]], **fields: Any) -> Any:
    """A serializer that differs from others by the kind of what it tells."""
    return type(name, bases, {"__doc__": told, "__module__": __name__} | fields)


class FeedItemState(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    organization = serializers.UUIDField()
    position = serializers.IntegerField()
    deleted = serializers.BooleanField()
    erased = serializers.BooleanField()


def _camel(kind: str) -> str:
    return "".join(word.capitalize() for word in kind.split("_"))


class _Resource(serializers.Serializer[Any]):
    id = serializers.UUIDField()


RESOURCES: dict[str, type[serializers.Serializer[Any]]] = {
    kind: _made(_camel(kind), state.__doc__ or "", _Resource, state) for kind, state in STATES.items()
}
"""Resources as they are answered by id and in lists, by their kind: the state, with its id."""

FEED_ITEMS: dict[str, type[serializers.Serializer[Any]]] = {
    kind: _made(
        f"{_camel(kind)}Item",
        "An item of the feed: the resource as it is now; `state` is null once it is deleted.",
        FeedItemState,
        kind=serializers.ChoiceField([kind]),
        state=state(allow_null=True),
        last_change=(PersonChange if kind == "person" else ChangeState)(allow_null=True),
    )
    for kind, state in STATES.items()
}
"""The same resources as items of the feed."""


class AnyItem(serializers.Serializer[Any]):
    """An item of the feed, of any kind. The document tells each kind apart, see FEED_ITEMS."""


class ChangesPage(serializers.Serializer[Any]):
    """A page of the feed. epoch: of its positions; it changes where the database was restored. next: the cursor to go
    on with, now or later.
    """

    items = AnyItem(many=True)
    epoch = serializers.UUIDField()
    next = serializers.CharField()
    has_more = serializers.BooleanField()


class ByState(serializers.Serializer[Any]):
    """Who asked for a change. id: of a token, a person or a key of the organization."""

    kind = serializers.ChoiceField(["token", "person", "key", "support", "nobody"])
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField(allow_blank=True)


class HistoryChange(ChangeState):
    """A change, and who asked for it.

    detail: what it was, by verb; null where it was told before. message: in words.
    """

    by = ByState()
    request_id = serializers.UUIDField(allow_null=True)
    detail = Object(allow_null=True)
    message = serializers.CharField()


class EffectState(serializers.Serializer[Any]):
    """What a change brought somebody.

    slot: roles, a kind of place, or the account. was, now: by slot. message: in words.
    """

    person = serializers.UUIDField()
    slot = serializers.CharField()
    was = serializers.JSONField()
    now = serializers.JSONField()
    message = serializers.CharField()


class HistoryItem(serializers.Serializer[Any]):
    """A change with its effects, or effects that it had later. names: of people and entities, by their ids."""

    kind = serializers.ChoiceField(["change", "effects"])
    position = serializers.IntegerField()
    organization = serializers.UUIDField()
    change = HistoryChange()
    effects = EffectState(many=True)
    names = Object()


class AnyHistory(serializers.Serializer[Any]):
    """An item as it is, or an event of the Open Cybersecurity Schema Framework."""


class HistoryPage(ChangesPage):
    """A page of the history. epoch: of its positions. next: the cursor to go on with, now or later."""

    items = AnyHistory(many=True)  # type: ignore[assignment]


@cache
def page_of(item: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """A page of a list of these."""
    return cast(
        type[serializers.Serializer[Any]],
        _made(
            f"{item.__name__.removesuffix('State')}Page",
            "A page of a list. next: the cursor of the page after it, null on the last one.",
            serializers.Serializer,
            items=item(many=True),
            next=serializers.CharField(allow_null=True),
            has_more=serializers.BooleanField(),
        ),
    )
