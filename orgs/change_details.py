"""What a `Change` records: every verb that exists or ever existed, and the keys of its detail.

The only place that spells `Change.verb` and the keys of `Change.detail`. A command writes a detail by passing one of
these to `history.record`; readers get it from `history.read`. History is kept for ever and never migrated, so:

- A verb or a key is never renamed or given another meaning, and a verb that is no longer written stays here.
- A field without a default is always stored. A field with a default is left out if it holds the default.
- A field that is newer than its verb is `later(before=...)`: always stored, and older changes read as `before`.
- A key that is not among the fields is ignored: a newer release may have written it.

tests/orgs/golden/change_details.json has an example of every shape that was ever stored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, Literal, NotRequired, Self, TypedDict, dataclass_transform
from uuid import UUID

VERBS: dict[str, type["Detail"]] = {}
"""By verb, what it tells."""

_BEFORE = "before"


def later(*, before: Any) -> Any:
    """A field that is now always stored, and reads as `before` in changes that are older than the field."""
    return field(metadata={_BEFORE: before})


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field, later))
class Detail:
    """The detail of one verb. A subclass without a verb holds what several share, and cannot be recorded."""

    verb: ClassVar[str]

    def __init_subclass__(cls, verb: str | None = None) -> None:
        dataclass(frozen=True, kw_only=True)(cls)
        if verb is not None:
            assert verb not in VERBS, verb
            cls.verb = verb
            VERBS[verb] = cls

    def stored(self) -> dict[str, Any]:
        """The detail as `Change.detail` stores it."""
        told = ((each, getattr(self, each.name)) for each in _fields(type(self)))
        return {each.name: value for each, value in told if value != _default(each)}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `Change.detail` stores, in any shape that was ever written."""
        return cls(**{each.name: stored[each.name] if each.name in stored else _absent(each) for each in _fields(cls)})


def read(verb: str, stored: Mapping[str, Any]) -> Detail | None:
    """The detail of a change; None for a verb that this release does not know."""
    kind = VERBS.get(verb)
    return kind.of(stored) if kind else None


def _fields(kind: type[Detail]) -> tuple[Field[Any], ...]:
    return fields(kind)  # type: ignore[arg-type]


def _default(each: Field[Any]) -> Any:
    """The value for which a field is left out; MISSING if it never is."""
    return each.default if each.default_factory is MISSING else each.default_factory()


def _absent(each: Field[Any]) -> Any:
    """The value of a field that was left out, or did not exist yet."""
    value = each.metadata.get(_BEFORE, _default(each))
    if value is MISSING:
        raise KeyError(each.name)
    return value


# --- Parts of details -------------------------------------------------------------------------------------------------
# They stay JSON, since a change may have thousands. Ids are text; statuses, kinds and the like are values of choices.


class EntityAbout(TypedDict):
    """An entity, and its name at that time. The keys of `EntityDetail`."""

    entity: str
    kind: str
    name: str


class GroupAbout(TypedDict):
    """A pushed group, and what became of its members. Keys of `GroupDetail`."""

    group: str
    name: str
    added: int
    removed: int
    nested: int


class PlacementAbout(EntityAbout):
    """A person and an entity. The keys of `PlacementDetail`."""

    user: str


class RuleThen(TypedDict):
    """The rule that created a mapping, as it was then."""

    id: str
    pattern_type: str
    pattern: str


class Settled(TypedDict):
    """Who was settled after conflicts were decided. The keys of `ConflictsDetail`."""

    user: str | None
    marked: int


class MappingStory(TypedDict):
    """What became of a mapping. was, now: statuses; `was` is None for a new one. entity: None if it has none yet.

    role: of a mapping that gives one.
    """

    mapping: str
    group: str
    group_name: str
    kind: str
    entity: str | None
    entity_name: str | None
    rule: RuleThen | None
    was: str | None
    now: str
    reason: str
    role: NotRequired[str]


class RenameStory(TypedDict):
    """What became of an entity's name `was` when its group was renamed: the name `now`, or why it was `kept`."""

    entity: str
    kind: str
    was: str
    now: NotRequired[str]
    kept: NotRequired[str]


class RuleStory(TypedDict):
    """A mapping rule as an admin sees it. role: of a role rule."""

    id: str
    pattern_type: str
    kind: str
    pattern: str
    auto_approve: bool
    role: NotRequired[str]


class FieldStory(TypedDict):
    """A column whose value changed."""

    was: Any
    now: Any


class DriftStory(TypedDict):
    """An effect on one person that was not what it should be."""

    user: str
    slot: str
    was: Any
    now: Any


class EffectCounts(TypedDict):
    """How many rows of effects there were."""

    roles: int
    places: int
    conflicts: int


# --- What verbs have in common ----------------------------------------------------------------------------------------


class MarkingDetail(Detail):
    """marked: how many people are to be settled by a worker."""

    marked: int


class MappingsDetail(MarkingDetail):
    """mappings: what became of them."""

    mappings: list[MappingStory]


class PersonDetail(Detail):
    """user: the id of the person concerned."""

    user: str


class GroupDetail(MappingsDetail):
    """A pushed group. added, removed: how many people. nested: how many nested groups were added or removed."""

    group: str
    name: str
    added: int
    removed: int
    nested: int
    marked: int = later(before=0)
    mappings: list[MappingStory] = field(default_factory=list)


class EntityDetail(Detail):
    """A team, concurrency group or sub-organization."""

    entity: str
    kind: str
    name: str


class PlacementDetail(PersonDetail, EntityDetail):
    """A person, and an entity that an admin placed them in, took them out of or put them back in."""


class ConflictsDetail(MarkingDetail):
    """user: the person, if only one was affected and settled at once; several people were `marked` instead."""

    user: str | None = None
    marked: int = 0


class TokenDetail(Detail):
    """token: the id of a SCIM token. name: the name that an admin gave it."""

    token: str
    name: str


# --- People -----------------------------------------------------------------------------------------------------------


class UserCreated(PersonDetail, verb="user.created"):
    """SCIM created somebody."""


class UserChanged(PersonDetail, verb="user.changed"):
    """SCIM changed somebody."""


class UserAdopted(PersonDetail, verb="user.adopted"):
    """SCIM took over somebody who had been invited by hand (SPEC U3)."""


class UserRevived(PersonDetail, verb="user.revived"):
    """SCIM created somebody whom it had deleted (SPEC U3)."""


class UserDeleted(PersonDetail, verb="user.deleted"):
    """SCIM deleted somebody (SPEC U5)."""


class UserErased(PersonDetail, verb="user.erased"):
    """Support or the owner erased somebody: nothing is left but the id (SPEC U5)."""


class UserActivated(PersonDetail, verb="user.activated"):
    """An admin or support activated an account; where they had deactivated it, that ended (SPEC U12)."""


class UserDeactivated(PersonDetail, verb="user.deactivated"):
    """An admin or support deactivated an account by hand (SPEC U12)."""


class UserOpened(PersonDetail, verb="user.opened"):
    """An admin activated somebody by hand whom the IdP had deactivated (SPEC U12)."""


class UserSignedOut(PersonDetail, verb="user.signed_out"):
    """Support ended somebody's sessions."""


class UserRenamed(PersonDetail, verb="user.renamed"):
    """Somebody whom SCIM does not manage changed their own name."""


class UserFactorAdded(PersonDetail, verb="user.factor_added"):
    """Somebody added a second factor to their account (SPEC L6). kind: of `FactorKind`."""

    kind: str


class UserFactorRemoved(PersonDetail, verb="user.factor_removed"):
    """Somebody removed a second factor of their account. kind: of `FactorKind`."""

    kind: str


class UserFactorsReset(PersonDetail, verb="user.factors_reset"):
    """The operator removed every second factor of an account, and ended its sessions."""


class UserRecoveryCodesMade(PersonDetail, verb="user.recovery_codes_made"):
    """Somebody replaced the recovery codes of their account."""


class UserJoined(PersonDetail, verb="user.joined"):
    """Somebody accepted an invitation, whose id is `invitation` (SPEC U13). roles: keys of those that it gave."""

    invitation: str
    roles: list[str]


class UserEnrolled(PersonDetail, verb="user.enrolled"):
    """Somebody whom SCIM had not made got an account by signing in through the identity provider (SPEC L5)."""


class UserUnlinked(PersonDetail, verb="user.unlinked"):
    """An admin ended whom an identity provider means by this person; the next sign-in links them anew (SPEC L4)."""

    issuer: str


class UserPlaced(PlacementDetail, verb="user.placed"):
    """An admin placed somebody in an entity (SPEC R4)."""


class UserTakenOut(PlacementDetail, verb="user.taken_out"):
    """An admin took somebody out of an entity. against_scim: whether SCIM places them there (SPEC R4)."""

    against_scim: bool


class UserPutBack(PlacementDetail, verb="user.put_back"):
    """An admin ended a removal, so that SCIM may place somebody again (SPEC R4)."""


class UserRolesSet(PersonDetail, verb="user.roles_set"):
    """An admin gave somebody roles by hand, or ended that with None (SPEC R1). was, now: keys of roles."""

    was: list[str] | None
    now: list[str] | None


# --- Invitations ------------------------------------------------------------------------------------------------------
# An address is in the invitation's row alone, so that what is erased there is nowhere else.


class InvitationsSent(Detail, verb="invitation.sent"):
    """An admin invited people (SPEC U13). invitations: their ids. roles: keys. days: for how long a mail is good."""

    invitations: list[str]
    roles: list[str]
    days: int


class InvitationDetail(Detail):
    """invitation: its id."""

    invitation: str


class InvitationResent(InvitationDetail, verb="invitation.resent"):
    """An admin had an invitation mailed again; the link of the last mail no longer works."""

    days: int


class InvitationRevoked(InvitationDetail, verb="invitation.revoked"):
    """An admin revoked an invitation."""


# --- Imports ----------------------------------------------------------------------------------------------------------
# Of a file, whose name somebody chose; `imported` is the id of the import, whose rows are kept for some days.


class PeopleImported(Detail, verb="import.people"):
    """An import made and changed so many people (SPEC E6); of a large file, a part of them."""

    imported: str
    file: str
    made: int
    changed: int


class ImportEnded(Detail, verb="import.ended"):
    """An import came to its end. phase: which. counts: how many rows, by verdict; left: rows that were not taken."""

    imported: str
    file: str
    phase: str
    counts: dict[str, int]
    left: int


# --- Groups and mappings ----------------------------------------------------------------------------------------------


class GroupCreated(GroupDetail, verb="group.created"):
    """SCIM pushed a group."""


class GroupRestored(GroupDetail, verb="group.restored"):
    """SCIM pushed a group again that it had deleted (SPEC G5)."""


class GroupChanged(GroupDetail, verb="group.changed"):
    """SCIM changed a group, or wrote it without a change, which ends removals by hand.

    was: the name that it had, if it was renamed. entities: those that had to follow the new name.
    """

    was: str | None = None
    entities: list[RenameStory] = field(default_factory=list)


class GroupDeleted(GroupDetail, verb="group.deleted"):
    """SCIM deleted a group (SPEC G4)."""


class GroupEnded(GroupDetail, verb="group.ended"):
    """An admin or support ended a group that nobody pushed any more (SPEC G10)."""

    marked: int


class GroupBroughtBack(GroupDetail, verb="group.brought_back"):
    """An admin or support undid that. lost: people who did not come back, since SCIM had deleted them (SPEC G10)."""

    marked: int
    lost: int


class GroupImported(GroupDetail, verb="group.imported"):
    """An import made a group, changed it, or added members (SPEC E6). is_new: it made it. was: the name of before."""

    marked: int
    is_new: bool = False
    was: str | None = None
    entities: list[RenameStory] = field(default_factory=list)


class GroupAdopted(GroupDetail, verb="group.adopted"):
    """SCIM pushed a group that had been imported (SPEC G2). was: the name of before, if it has another one now."""

    marked: int
    was: str | None = None
    entities: list[RenameStory] = field(default_factory=list)


class GroupConfirmed(Detail, verb="group.confirmed"):
    """An admin said that a group that was out of sync has the right members: so many, at this revision (SPEC O3)."""

    group: str
    name: str
    members: int
    revision: int


class MappingApproved(MappingsDetail, verb="mapping.approved"):
    """An admin approved mappings, or mapped groups by hand."""


class MappingRejected(MappingsDetail, verb="mapping.rejected"):
    """An admin rejected mappings."""


class MappingRetargeted(MappingsDetail, verb="mapping.retargeted"):
    """An admin mapped a group to another entity: the old mapping is Rejected, and there is a new one."""


# --- Rules ------------------------------------------------------------------------------------------------------------


class RuleAdded(Detail, verb="rule.added"):
    """An admin added a mapping rule."""

    rule: RuleStory


class RuleChanged(Detail, verb="rule.changed"):
    """An admin changed a mapping rule."""

    rule: RuleStory
    was: RuleStory


class RuleDeleted(Detail, verb="rule.deleted"):
    """An admin deleted a mapping rule."""

    rule: RuleStory


class RulesStarted(Detail, verb="rules.started"):
    """A new org got the rules of its profile."""

    rules: list[RuleStory]


class RulesReordered(Detail, verb="rules.reordered"):
    """An admin put the rules in this order."""

    rules: list[RuleStory]


class RulesApplied(MappingsDetail, verb="rules.applied"):
    """An admin had rules evaluated for unmapped groups (SPEC M5). rule: the id of the only one; None for all."""

    rule: str | None
    approved: int
    pending: int


# --- Entities ---------------------------------------------------------------------------------------------------------


class EntityCreated(EntityDetail, verb="entity.created"):
    """An admin created an entity. session_limit: None for no limit."""

    session_limit: int | None


class EntityRenamed(EntityDetail, verb="entity.renamed"):
    """An admin renamed an entity."""

    was: str


class EntityLimited(EntityDetail, verb="entity.limited"):
    """An admin set how many parallel sessions a concurrency group may have; None for no limit."""

    was: int | None
    now: int | None


class EntityDeleted(EntityDetail, MappingsDetail, verb="entity.deleted"):
    """An admin deleted an entity (SPEC M7)."""


# --- Conflicts --------------------------------------------------------------------------------------------------------


class ConflictDecided(ConflictsDetail, verb="conflict.decided"):
    """An admin decided conflicts (SPEC C3). conflicts: how many."""

    use: Literal["incoming", "current"]
    conflicts: int


class ConflictUndone(ConflictsDetail, verb="conflict.undone"):
    """An admin undid decisions (SPEC C3). decisions: how many."""

    decisions: int


# --- Organizations ----------------------------------------------------------------------------------------------------


class OrgFounded(Detail, verb="org.founded"):
    """An org was founded. profile: the key of its schema profile. owner: the id of the owner account."""

    name: str
    profile: str
    owner: str | None = later(before=None)


class OrgChanged(MarkingDetail, verb="org.changed"):
    """Support changed columns of an org. fields: by their name."""

    fields: dict[str, FieldStory]
    marked: int = later(before=0)


class OrgGroupProvisioningSwitched(Detail, verb="org.group_provisioning_switched"):
    """An admin switched group provisioning on or off (SPEC O2)."""

    on: bool


class OrgHoldLimitsChanged(Detail, verb="org.hold_limits_changed"):
    """An admin chose from when on mass changes are held (SPEC T1). was, now: as `HoldLimits`."""

    was: str
    now: str


class OrgTwoPersonsSwitched(Detail, verb="org.two_persons_switched"):
    """What makes admins waits for a second one from now on, or no longer (SPEC T6)."""

    on: bool


class OrgOwnerChanged(Detail, verb="org.owner_changed"):
    """The owner account, whose id is `owner`, was handed over. was, now: its addresses."""

    was: str
    now: str
    owner: str | None = later(before=None)


class OrgDomainsChanged(Detail, verb="org.domains_changed"):
    """The verified domains changed."""

    was: list[str]
    now: list[str]


class OrgDomainAsked(Detail, verb="org.domain_asked"):
    """An admin asked to verify a domain by DNS."""

    name: str


class OrgSsoPrepared(Detail, verb="org.sso_prepared"):
    """An admin chose the identity provider of the org's single sign-on. idp, protocol: as in `Connection`."""

    idp: str
    protocol: str = "oidc"


class OrgSsoDrafted(Detail, verb="org.sso_drafted"):
    """An admin entered how the org's single sign-on is to be configured. new_secret: also a client secret."""

    issuer: str
    client_id: str
    name_claim: str
    new_secret: bool
    external_id_claim: str = ""


class OrgSamlDrafted(Detail, verb="org.saml_drafted"):
    """An admin entered how the org's single sign-on by SAML is to be configured. certificates: their fingerprints."""

    issuer: str
    sso_url: str
    metadata_url: str
    certificates: list[str]
    name_claim: str
    external_id_claim: str


class OrgSsoCertificatesChanged(Detail, verb="org.sso_certificates_changed"):
    """The identity provider's metadata has other certificates than before. added, removed: their fingerprints."""

    issuer: str
    added: list[str]
    removed: list[str]


class OrgSsoUnlinked(Detail, verb="org.sso_unlinked"):
    """An admin ended every link of people to accounts at identity providers. links: how many there were."""

    links: int


class OrgSsoDiscarded(Detail, verb="org.sso_discarded"):
    """An admin discarded a draft of the org's single sign-on."""

    issuer: str


class OrgSsoActivated(Detail, verb="org.sso_activated"):
    """The org's people sign in through this identity provider from now on."""

    issuer: str


class OrgSsoSwitchedOff(Detail, verb="org.sso_switched_off"):
    """The org's people no longer sign in through this identity provider, but with passwords."""

    issuer: str


class OrgSsoAccountsSwitched(Detail, verb="org.sso_accounts_switched"):
    """Signing in makes accounts for people who have none from now on, or no longer."""

    on: bool


class OrgDomainDropped(Detail, verb="org.domain_dropped"):
    """An admin removed a domain that was not verified yet."""

    name: str


class ProfileChanged(MarkingDetail, verb="profile.changed"):
    """Support changed the roles of the org's schema profile, whose key is `profile`."""

    profile: str


class ProfileRolesRemoved(MappingsDetail, verb="profile.roles_removed"):
    """Support removed roles from the org's schema profile that groups carried (SPEC R6). roles: their keys."""

    profile: str
    roles: list[str]


class TokenIssued(TokenDetail, verb="token.issued"):
    """An admin created a SCIM token. networks: from which alone it is accepted."""

    networks: list[str] = field(default_factory=list)


class TokenLimited(TokenDetail, verb="token.limited"):
    """An admin changed from which networks a SCIM token is accepted; none means from everywhere."""

    was: list[str]
    now: list[str]


class TokenRevoked(TokenDetail, verb="token.revoked"):
    """An admin revoked a SCIM token."""


class TokenConfirmed(TokenDetail, verb="token.confirmed"):
    """An admin confirmed a SCIM token that was made through a setup link: it may write from then on (SPEC L8)."""


class TokenTakenOver(TokenDetail, verb="token.taken_over"):
    """An admin answers for a SCIM token from then on, whose maker no longer can (SPEC E5)."""


class SetupLinkDetail(Detail):
    """A setup link, by its id: whom it is for is in its row alone. purpose: as in `SetupLink`."""

    link: str
    purpose: str


class SetupLinkMade(SetupLinkDetail, verb="setup_link.made"):
    """An admin made a link by which somebody without an account sets one thing up (SPEC L8)."""


class SetupLinkOpened(SetupLinkDetail, verb="setup_link.opened"):
    """The link was opened, and works in that browser alone from then on."""


class SetupLinkFinished(SetupLinkDetail, verb="setup_link.finished"):
    """Whoever had the link said that they are done; it no longer works."""


class SetupLinkRevoked(SetupLinkDetail, verb="setup_link.revoked"):
    """An admin revoked the link; it no longer works."""


class KeyDetail(Detail):
    """key: the id of an API key. name: the name that was given to it."""

    key: str
    name: str


class KeyIssued(KeyDetail, verb="key.issued"):
    """An API key was created (SPEC E5). scopes: what it may do."""

    scopes: list[str]


class KeyRevoked(KeyDetail, verb="key.revoked"):
    """An API key was revoked."""


class KeyTakenOver(KeyDetail, verb="key.taken_over"):
    """An admin answers for an API key from then on, whose maker no longer can (SPEC E5)."""


class WebhookDetail(Detail):
    """A webhook, by its id, and the host of its address: a path may be a secret."""

    webhook: str
    host: str


class WebhookCreated(WebhookDetail, verb="webhook.created"):
    """A webhook was created (SPEC E3). kinds: of resources that it tells of."""

    kinds: list[str]


class WebhookChanged(WebhookDetail, verb="webhook.changed"):
    """A webhook was changed. fields: their names."""

    fields: list[str]


class WebhookSecretRotated(WebhookDetail, verb="webhook.secret_rotated"):
    """A webhook got another secret; for a day its messages are signed with the former one too."""


class WebhookEnabled(WebhookDetail, verb="webhook.enabled"):
    """A webhook that was disabled goes on where it had ended."""


class WebhookDisabled(WebhookDetail, verb="webhook.disabled"):
    """A webhook was disabled, by somebody or by itself. reason: as in `Endpoint`."""

    reason: str


class WebhookDeleted(WebhookDetail, verb="webhook.deleted"):
    """A webhook was deleted."""


class WebhookTested(WebhookDetail, verb="webhook.tested"):
    """A test was sent to a webhook."""


class WebhookReplayed(WebhookDetail, verb="webhook.replayed"):
    """A webhook goes back to an earlier position of the feed, or to its start."""

    from_start: bool


class MatterDismissed(Detail, verb="matter.dismissed"):
    """An admin dismissed a matter, which stays out of sight. kind: as in `Matter`. name: its subject's.

    The name is empty where it was that of somebody who was erased.
    """

    kind: str
    name: str


class SupportViewDetail(Detail):
    """view: the id of a view of the org's own pages by support."""

    view: str


class SupportViewBegan(SupportViewDetail, verb="support_view.began"):
    """Support began to look at the org's own pages, without being able to change anything."""


class SupportViewEnded(SupportViewDetail, verb="support_view.ended"):
    """Support stopped looking at the org's own pages, or the time for it was up."""


class RequestTried(Detail, verb="support_view.tried"):
    """Support tried a logged request again, and all of it was taken back. status: what would be answered now."""

    request: str
    status: int


# --- Holds ------------------------------------------------------------------------------------------------------------


class HoldDetail(Detail):
    """breach: the id of what a token did that is too much at once. token: its id."""

    breach: str
    token: str


class HoldBegan(HoldDetail, verb="hold.began"):
    """Effects of a mass change are held until an admin decides (SPEC T1). rules: what was exceeded."""

    rules: list[str]


class HoldEnded(HoldDetail, verb="hold.ended"):
    """Nobody is held any more: it was mended in the identity provider, or they were deactivated or deleted there."""


class HoldLetThrough(HoldDetail, MarkingDetail, verb="hold.let_through"):
    """An admin let through what was held: for everybody, or for some. marked: for how many people."""

    everybody: bool


class RefusedStory(TypedDict):
    """What an undo left as it is. kind, reason: as of `engine.undo_plan.Refused`; of members, how many of a group."""

    kind: str
    id: str
    name: str
    reason: str
    count: int


class ChangesTakenBack(MappingsDetail, verb="changes.taken_back"):
    """What a token, or one change, did was taken back (SPEC T2).

    token, since, until: of what a token did; change: of one change. people, groups: how many differ. added, removed:
    memberships in groups. deleted_people, deleted_groups: what it had created. refused: the first that stay as they
    are, of so many.
    """

    token: str | None
    since: str | None
    until: str | None
    change: str | None
    people: int
    groups: int
    added: int
    removed: int
    deleted_people: int
    deleted_groups: int
    refused: list[RefusedStory]
    all_refused: int


# --- Second admins ----------------------------------------------------------------------------------------------------


class ProposalDetail(Detail):
    """Of something that waits for a second admin (SPEC T6). do: what, as the wish calls it."""

    proposal: str
    do: str


class ProposalMade(ProposalDetail, verb="proposal.made"):
    """An admin, or a key, asked a second admin."""


class ProposalApproved(ProposalDetail, verb="proposal.approved"):
    """A second admin agreed, and it was carried out. asked_by, asked_key: who had asked."""

    asked_by: str | None
    asked_key: str | None


class ProposalRefused(ProposalDetail, verb="proposal.refused"):
    """A second admin refused."""


class ProposalWithdrawn(ProposalDetail, verb="proposal.withdrawn"):
    """Whoever had asked took it back. gone: they are no longer an active admin, or the key no longer works."""

    gone: bool


class ProposalExpired(ProposalDetail, verb="proposal.expired"):
    """Nobody decided in time."""


# --- Checks -----------------------------------------------------------------------------------------------------------


class EngineDriftFound(MarkingDetail, verb="engine.drift_found"):
    """Effects did not follow from the facts. people: how many were affected. first: the first differences."""

    people: int
    first: list[DriftStory]


class EngineRebuilt(Detail, verb="engine.rebuilt"):
    """Support had all effects rebuilt."""

    was: EffectCounts
    now: EffectCounts


# --- What a change is about -------------------------------------------------------------------------------------------


def touched(detail: Detail) -> Iterator[tuple[str, str]]:
    """The resources whose state a change may have changed, as kind and id: person, group, or an entity's kind.

    Those of its effects are in the ledger. Changes of the org itself are `about_org`.
    """
    about = vars(detail)
    for key in ("user", "owner"):
        if id_ := about.get(key):
            yield "person", id_
    if id_ := about.get("group"):
        yield "group", id_
    if id_ := about.get("entity"):
        yield about["kind"], id_
    for mapping in about.get("mappings", ()):
        yield "group", mapping["group"]
        if mapping["entity"]:
            yield mapping["kind"], mapping["entity"]
    for entity in about.get("entities", ()):
        yield entity["kind"], entity["entity"]


def about_org(detail: Detail) -> bool:
    """Whether a change is one of the org itself: of its settings, its domains, its owner."""
    return detail.verb.startswith("org.")


# --- For SQL ----------------------------------------------------------------------------------------------------------
# The same keys, for the database's searches. The first two are part of indexes of `Change`.

SUBJECTS = ("user", "group", "entity")
"""Keys of the id of what a change is about; where there are several, the first."""
LISTS = ("mappings", "entities")
"""Keys of lists of what else a change was about: MappingStory, RenameStory."""
RULE_OF_MAPPING = "$.mappings[*] ? (@.mapping == $id).rule"
"""A jsonpath to what was the rule of the mapping `$id`, a RuleThen or null."""
USES_INCOMING = {"use": "incoming"}
"""What a ConflictDecided contains if it was decided for the incoming mapping."""


def mentions(sort: Literal["group", "entity"], id_: UUID) -> list[dict[str, Any]]:
    """What the detail contains of a change that also affected this group or entity; any one of these matches."""
    return [{name: [{sort: str(id_)}]} for name in (LISTS if sort == "entity" else LISTS[:1])]
