"""What the API takes and gives, in the words of DRF."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any, cast

from rest_framework import serializers

from orgs.change_details import VERBS
from orgs.feed import NUMBERS

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

    preview = serializers.BooleanField(default=False)


class ChangesQuery(Exact):
    """The parameters of a request for changes."""

    after = serializers.CharField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=DEFAULT)
    kinds = KindsField(required=False)


class VerbsField(serializers.CharField):
    """Verbs of changes, separated by commas."""

    default_error_messages = {"unknown": "There is no verb {name}."}

    def to_internal_value(self, data: Any) -> frozenset[str]:  # type: ignore[override]
        verbs = frozenset(super().to_internal_value(data).split(","))
        if unknown := sorted(verbs - VERBS.keys()):
            self.fail("unknown", name=unknown[0])
        return verbs


class HistoryQuery(Exact):
    """The parameters of a request for history. since, until: the first moment, and the first that is too late.

    resource: the id of whatever a change names, or somebody or an entity that it had an effect on.
    """

    after = serializers.CharField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=DEFAULT)
    since = serializers.DateTimeField(default=None, default_timezone=UTC)
    until = serializers.DateTimeField(default=None, default_timezone=UTC)
    resource = serializers.UUIDField(default=None)
    verb = VerbsField(required=False)
    format = serializers.ChoiceField(["native", "ocsf"], default="native")


class PersonState(serializers.Serializer[Any]):
    """reference: the id in a former system. concurrency_group, sub_organization: null for the default one and for the
    root. roles, teams: of inactive people none. attributes: whatever else the identity provider wrote, in SCIM's
    spelling; extensions under their URN. pending: changes that are known may have effects on them yet, which follow
    within seconds.
    """

    user_name = serializers.CharField()
    external_id = serializers.CharField(allow_null=True)
    reference = serializers.CharField(allow_null=True)
    active = serializers.BooleanField()
    owner = serializers.BooleanField()
    display_name = serializers.CharField(allow_null=True)
    given_name = serializers.CharField(allow_null=True)
    family_name = serializers.CharField(allow_null=True)
    emails = serializers.JSONField()
    attributes = serializers.JSONField()
    roles = serializers.ListField(child=serializers.CharField())
    teams = serializers.ListField(child=serializers.CharField())
    concurrency_group = serializers.CharField(allow_null=True)
    sub_organization = serializers.CharField(allow_null=True)
    pending = serializers.BooleanField()


class TeamState(serializers.Serializer[Any]):
    name = serializers.CharField()


class ConcurrencyGroupState(TeamState):
    """session_limit: how many sessions may run at once; null for any number."""

    session_limit = serializers.IntegerField(allow_null=True)


class SubOrganizationState(TeamState):
    pass


class MappingState(serializers.Serializer[Any]):
    """kind: of the entity, or `role`. entity, role: what the group's members get, once the status is approved."""

    id = serializers.CharField()
    kind = serializers.CharField()
    status = serializers.CharField()
    entity = serializers.CharField(allow_null=True)
    role = serializers.CharField(allow_null=True)


class GroupState(serializers.Serializer[Any]):
    """roles: what the identity provider wrote, which every member gets. imported: it has not been pushed yet."""

    display_name = serializers.CharField()
    external_id = serializers.CharField(allow_null=True)
    reference = serializers.CharField(allow_null=True)
    imported = serializers.BooleanField()
    attributes = serializers.JSONField()
    roles = serializers.ListField(child=serializers.CharField())
    mappings = MappingState(many=True)


class FeaturesState(serializers.Serializer[Any]):
    user_provisioning = serializers.BooleanField()
    group_provisioning = serializers.BooleanField()
    teams = serializers.BooleanField()
    concurrency_groups = serializers.BooleanField()
    sub_organizations = serializers.BooleanField()


class OrganizationState(serializers.Serializer[Any]):
    name = serializers.CharField()
    slug = serializers.CharField()
    plan = serializers.CharField()
    profile = serializers.CharField()
    domains = serializers.ListField(child=serializers.CharField())
    features = FeaturesState()


STATES: dict[str, type[serializers.Serializer[Any]]] = {
    "person": PersonState,
    "team": TeamState,
    "concurrency_group": ConcurrencyGroupState,
    "sub_organization": SubOrganizationState,
    "group": GroupState,
    "organization": OrganizationState,
}
