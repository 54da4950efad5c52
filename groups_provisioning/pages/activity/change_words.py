"""Changes and their effects in the words of an org's admins. A verb or slot that is not known is shown as it is."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from groups_provisioning.choices import TARGET_KINDS
from groups_provisioning.engine.breaker import Rule
from groups_provisioning.engine.undo_plan import Reason
from groups_provisioning.models import GroupMapping, PatternType, PushedGroup, Status, Verdict
from groups_provisioning.pages.activity.change_list import Wanted
from orgs import history
from orgs.change_details import (
    ChangesTakenBack,
    ConflictDecided,
    ConflictsDetail,
    ConflictUndone,
    Detail,
    EngineDriftFound,
    EngineRebuilt,
    EntityCreated,
    EntityDeleted,
    EntityDetail,
    EntityLimited,
    EntityRenamed,
    GroupAdopted,
    GroupBroughtBack,
    GroupChanged,
    GroupConfirmed,
    GroupCreated,
    GroupDeleted,
    GroupDetail,
    GroupEnded,
    GroupImported,
    GroupRestored,
    HoldBegan,
    HoldEnded,
    HoldLetThrough,
    ImportEnded,
    InvitationDetail,
    InvitationResent,
    InvitationRevoked,
    InvitationsSent,
    KeyIssued,
    KeyRevoked,
    KeyTakenOver,
    MappingApproved,
    MappingRejected,
    MappingRetargeted,
    MappingsDetail,
    MappingStory,
    MatterDismissed,
    OrgChanged,
    OrgDomainAsked,
    OrgDomainDropped,
    OrgDomainsChanged,
    OrgFounded,
    OrgGroupProvisioningSwitched,
    OrgHoldLimitsChanged,
    OrgOwnerChanged,
    OrgSamlDrafted,
    OrgSsoAccountsSwitched,
    OrgSsoActivated,
    OrgSsoCertificatesChanged,
    OrgSsoDiscarded,
    OrgSsoDrafted,
    OrgSsoPrepared,
    OrgSsoSwitchedOff,
    OrgSsoUnlinked,
    OrgTwoPersonsSwitched,
    PeopleImported,
    PersonDetail,
    ProfileChanged,
    ProfileRolesRemoved,
    ProposalApproved,
    ProposalDetail,
    ProposalExpired,
    ProposalMade,
    ProposalRefused,
    ProposalWithdrawn,
    RefusedStory,
    RenameStory,
    RequestTried,
    RuleAdded,
    RuleChanged,
    RuleDeleted,
    RulesApplied,
    RulesReordered,
    RulesStarted,
    RuleStory,
    RuleThen,
    SetupLinkDetail,
    SetupLinkFinished,
    SetupLinkMade,
    SetupLinkOpened,
    SetupLinkRevoked,
    SupportViewBegan,
    SupportViewEnded,
    TokenConfirmed,
    TokenIssued,
    TokenLimited,
    TokenRevoked,
    TokenTakenOver,
    UserActivated,
    UserAdopted,
    UserChanged,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserEnrolled,
    UserErased,
    UserFactorAdded,
    UserFactorRemoved,
    UserFactorsReset,
    UserJoined,
    UserOpened,
    UserPlaced,
    UserPutBack,
    UserRecoveryCodesMade,
    UserRenamed,
    UserRevived,
    UserRolesSet,
    UserSignedOut,
    UserTakenOut,
    UserUnlinked,
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDisabled,
    WebhookEnabled,
    WebhookReplayed,
    WebhookSecretRotated,
    WebhookTested,
)
from orgs.choices import HoldLimits
from orgs.models import (
    Change,
    Entity,
    FactorKind,
    Invitation,
    LedgerEntry,
    MatterKind,
    Organization,
    Purpose,
    SetupLink,
    User,
)
from orgs.models.history import PLACES

# --- Names ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Names:
    """What people, entities, groups and mappings are called now, by the text of their id.

    user_names: of the same people, but for those who were erased.
    """

    people: dict[str, str] = field(default_factory=dict)
    user_names: dict[str, str] = field(default_factory=dict)
    entities: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    mappings: dict[str, str] = field(default_factory=dict)
    invitations: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def person(self, id_: Any) -> str:
        return self.people.get(str(id_)) or _("somebody who was erased")

    def invitation(self, id_: Any) -> str:
        """Its address."""
        return self.invitations.get(str(id_)) or _("somebody who was erased")

    def link(self, id_: Any) -> str:
        """Whom a setup link is for."""
        return self.links.get(str(id_)) or _("somebody who was erased")

    def entity(self, id_: Any) -> str:
        return self.entities.get(str(id_)) or str(id_)

    def group(self, id_: Any) -> str:
        return self.groups.get(str(id_)) or str(id_)

    def mapping(self, id_: Any) -> str:
        return self.mappings.get(str(id_)) or str(id_)


def names(
    org: Organization | UUID | None, changes: Iterable[Change], entries: Iterable[LedgerEntry], about: Wanted
) -> Names:
    """The names that these are told with, and that of whatever they are about. Six queries at most.

    org: of which all of them are; None for the operator, who may be told of several orgs at once.
    """
    invited: set[str] = set()
    links: set[str] = set()
    ids: dict[str, set[str]] = {"people": set(), "entities": set(), "groups": set(), "mappings": set()}
    people, entities, groups, mappings = ids.values()
    for change in changes:
        detail = history.read(change)
        if isinstance(detail, PersonDetail | ConflictsDetail) and detail.user:
            people.add(detail.user)
        elif isinstance(detail, InvitationDetail):
            invited.add(detail.invitation)
        elif isinstance(detail, InvitationsSent):
            invited.update(detail.invitations[:1])
        elif isinstance(detail, SetupLinkDetail):
            links.add(detail.link)
    for wanted, kept in ((about.person, people), (about.entity, entities), (about.group, groups)):
        if wanted:
            kept.add(str(wanted))
    for entry in entries:
        people.add(str(entry.user_id))
        values = [value for value in (entry.was, entry.now) if value]
        if entry.slot in PLACES:
            entities.update(values)
        elif entry.slot == "skipped":
            groups.update(values)
        elif entry.slot == "conflict":
            mappings.update(id_ for value in values for id_ in (value["incoming"], *value["holders"]))
    found = Names()
    if people:
        rows = _of(User, org).filter(id__in=people)
        for row in rows.only("display_name", "given_name", "family_name", "user_name"):
            found.people[str(row.id)] = row.label
            if row.user_name:
                found.user_names[str(row.id)] = row.user_name
    if invited:
        rows = _of(Invitation, org).filter(id__in=invited)
        found.invitations = _by_id(rows.values_list("id", "address"))
    if links:
        found.links = _by_id(_of(SetupLink, org).filter(id__in=links).values_list("id", "recipient"))
    if entities:
        found.entities = _by_id(_of(Entity, org).filter(id__in=entities).values_list("id", "name"))
    if groups:
        found.groups = _by_id(_of(PushedGroup, org).filter(id__in=groups).values_list("id", "display_name"))
    if mappings:
        rows = _of(GroupMapping, org).filter(id__in=mappings)
        found.mappings = {
            str(id_): f"{group} → {entity}"
            for id_, group, entity in rows.values_list("id", "group__display_name", "entity__name")
        }
    return found


def _of(model: Any, org: Organization | UUID | None) -> Any:
    return model.objects.for_org(org) if org else model.objects.all()


def _by_id(rows: Iterable[tuple[UUID, str]]) -> dict[str, str]:
    return {str(id_): name for id_, name in rows}


# --- Changes ----------------------------------------------------------------------------------------------------------

KINDS: dict[str, Promise] = {
    "people": gettext_lazy("People"),
    "groups": gettext_lazy("SCIM groups"),
    "mappings": gettext_lazy("Mappings"),
    "rules": gettext_lazy("Mapping rules"),
    "entities": gettext_lazy("Teams, concurrency groups and sub-organizations"),
    "conflicts": gettext_lazy("Conflicts"),
    "settings": gettext_lazy("Settings, tokens and keys"),
    "checks": gettext_lazy("Checks"),
}
"""Of `activity.KINDS`."""

_SENTENCES: dict[type[Detail], Promise] = {
    UserCreated: gettext_lazy("%(person)s was created"),
    UserChanged: gettext_lazy("%(person)s was updated"),
    UserAdopted: gettext_lazy("%(person)s is managed by SCIM from now on"),
    UserRevived: gettext_lazy("%(person)s, whom SCIM had deleted, was restored"),
    UserDeleted: gettext_lazy("%(person)s was deleted"),
    UserErased: gettext_lazy("A person was erased: names, addresses, attributes and logged requests"),
    UserActivated: gettext_lazy("%(person)s was activated by hand"),
    UserDeactivated: gettext_lazy("%(person)s was deactivated by hand"),
    UserOpened: gettext_lazy("%(person)s, whom the identity provider had deactivated, was activated by hand"),
    InvitationResent: gettext_lazy("The invitation of %(address)s was sent again"),
    InvitationRevoked: gettext_lazy("The invitation of %(address)s was revoked"),
    UserFactorsReset: gettext_lazy("Every second factor of %(person)s was removed, and every session ended"),
    UserRecoveryCodesMade: gettext_lazy("%(person)s made new recovery codes"),
    UserRenamed: gettext_lazy("%(person)s changed their own name"),
    UserSignedOut: gettext_lazy("Every session of %(person)s was ended"),
    UserEnrolled: gettext_lazy("%(person)s got an account by signing in through the identity provider"),
    UserUnlinked: gettext_lazy("%(person)s is no longer linked to an account at %(issuer)s"),
    UserPlaced: gettext_lazy("%(person)s was assigned to %(name)s by hand"),
    UserTakenOut: gettext_lazy("%(person)s was removed from %(name)s by hand"),
    UserPutBack: gettext_lazy("The removal of %(person)s from %(name)s was undone"),
    GroupCreated: gettext_lazy("The group %(name)s was pushed"),
    GroupRestored: gettext_lazy("The group %(name)s was pushed again"),
    GroupConfirmed: gettext_lazy("The members of %(name)s were confirmed: it is no longer out of sync"),
    GroupDeleted: gettext_lazy("The group %(name)s was deleted"),
    GroupEnded: gettext_lazy("The group %(name)s was ended by hand"),
    PeopleImported: gettext_lazy("%(file)s was imported; people created: %(made)d, changed: %(changed)d"),
    GroupBroughtBack: gettext_lazy("The end of the group %(name)s was undone"),
    RulesStarted: gettext_lazy("The first mapping rules came with the organization"),
    RulesReordered: gettext_lazy("The mapping rules were reordered"),
    EntityCreated: gettext_lazy("%(kind)s %(name)s was created"),
    EntityRenamed: gettext_lazy("%(kind)s %(was)s was renamed to %(name)s"),
    EntityDeleted: gettext_lazy("%(kind)s %(name)s was deleted"),
    OrgFounded: gettext_lazy("The organization %(name)s was created"),
    OrgOwnerChanged: gettext_lazy("The owner account was handed over: %(was)s → %(now)s"),
    OrgDomainAsked: gettext_lazy("The domain %(name)s is to be verified by a DNS record"),
    OrgSsoDrafted: gettext_lazy("Single sign-on through %(issuer)s was drafted, for the client %(client_id)s"),
    OrgSamlDrafted: gettext_lazy("Single sign-on by SAML through %(issuer)s was drafted"),
    OrgSsoCertificatesChanged: gettext_lazy(
        "The metadata of the identity provider %(issuer)s brought other certificates"
    ),
    OrgSsoDiscarded: gettext_lazy("The draft of single sign-on through %(issuer)s was discarded"),
    OrgSsoUnlinked: gettext_lazy("Everybody was unlinked from the identity provider (%(links)d links)"),
    OrgSsoPrepared: gettext_lazy("An identity provider was chosen for single sign-on"),
    OrgSsoActivated: gettext_lazy("Single sign-on through %(issuer)s was activated"),
    OrgSsoSwitchedOff: gettext_lazy("Single sign-on through %(issuer)s was switched off"),
    OrgDomainDropped: gettext_lazy("The domain %(name)s is no longer to be verified"),
    ProfileChanged: gettext_lazy("Support changed the roles of the schema profile"),
    SetupLinkMade: gettext_lazy("A setup link was made for %(recipient)s: %(purpose)s"),
    SetupLinkOpened: gettext_lazy("The setup link for %(recipient)s was opened: %(purpose)s"),
    SetupLinkFinished: gettext_lazy("The setup link for %(recipient)s was finished: %(purpose)s"),
    SetupLinkRevoked: gettext_lazy("The setup link for %(recipient)s was revoked: %(purpose)s"),
    TokenConfirmed: gettext_lazy("The SCIM token “%(name)s” was confirmed"),
    TokenTakenOver: gettext_lazy("The SCIM token “%(name)s” was taken over"),
    TokenIssued: gettext_lazy("The SCIM token “%(name)s” was created"),
    TokenRevoked: gettext_lazy("The SCIM token “%(name)s” was revoked"),
    KeyRevoked: gettext_lazy("The API key “%(name)s” was revoked"),
    KeyTakenOver: gettext_lazy("The API key “%(name)s” was taken over"),
    WebhookSecretRotated: gettext_lazy("The secret of the webhook to %(host)s was rotated"),
    WebhookEnabled: gettext_lazy("The webhook to %(host)s was enabled"),
    WebhookDeleted: gettext_lazy("The webhook to %(host)s was deleted"),
    WebhookTested: gettext_lazy("A test was sent to the webhook to %(host)s"),
    RequestTried: gettext_lazy("Support tried a refused request again, without changing anything: now %(status)s"),
    SupportViewBegan: gettext_lazy("Support began to view the organization’s pages, without changing anything"),
    SupportViewEnded: gettext_lazy("Support stopped viewing the organization’s pages"),
    HoldEnded: gettext_lazy("Nobody is held any more: the changes were undone in the identity provider"),
    ChangesTakenBack: gettext_lazy("Changes were taken back; people: %(people)d, groups: %(groups)d"),
    EngineRebuilt: gettext_lazy("All roles and assignments were rebuilt from the facts"),
}
"""Where one sentence is enough: with the fields of the detail, `person` and the `kind` of an entity in words."""


def change(told: Change, known: Names) -> str:
    """What was done."""
    detail = history.read(told)
    return told.verb if detail is None else in_words(detail, known)


@singledispatch
def in_words(detail: Detail, known: Names) -> str:
    """What a detail tells; there is a sentence, or a function below, for each."""
    about: dict[str, Any] = dict(vars(detail))
    if isinstance(detail, PersonDetail):
        about["person"] = known.person(detail.user)
    if isinstance(detail, EntityDetail):
        about["kind"] = _kind(detail.kind)
    if isinstance(detail, InvitationDetail):
        about["address"] = known.invitation(detail.invitation)
    if isinstance(detail, SetupLinkDetail):
        about["recipient"] = known.link(detail.link)
        about["purpose"] = Purpose(detail.purpose).label if detail.purpose in Purpose.values else detail.purpose
    return _SENTENCES[type(detail)] % about


def also(told: Change) -> list[str]:
    """What else the change did, to mappings and entities."""
    detail = history.read(told)
    mappings = detail.mappings if isinstance(detail, MappingsDetail) else []
    entities = detail.entities if isinstance(detail, GroupChanged | GroupImported | GroupAdopted) else []
    refused = detail.refused if isinstance(detail, ChangesTakenBack) else []
    return [*map(_mapping, mappings), *map(_renamed, entities), *map(_refused, refused)]


def _refused(told: RefusedStory) -> str:
    why = Reason(told["reason"]).label if told["reason"] in Reason.values else told["reason"]
    return _("Not taken back: %(name)s, %(why)s") % {"name": told["name"], "why": why}


def by(told: Change) -> str:
    """Who asked for it."""
    if told.by_token:
        return told.by_token.name
    if told.by_person:
        return _("Support") if told.by_person.is_staff else told.by_person.label
    if told.by_key:
        return _("Support") if told.by_key.org_id is None else told.by_key.name
    return str(told.get_door_display())


@in_words.register
def _group(detail: GroupDetail, known: Names) -> str:
    return _and(_SENTENCES[type(detail)] % vars(detail), _members(detail))


@in_words.register
def _group_changed(detail: GroupChanged, known: Names) -> str:
    if detail.was is None:
        words = _("The group %(name)s was updated") % vars(detail)
    else:
        words = _("The group %(was)s was renamed to %(name)s") % vars(detail)
    return _and(words, _members(detail))


@in_words.register
def _group_imported(detail: GroupImported, known: Names) -> str:
    if detail.is_new:
        words = _("The group %(name)s was imported") % vars(detail)
    elif detail.was is not None:
        words = _("An import renamed the group %(was)s to %(name)s") % vars(detail)
    else:
        words = _("An import changed the group %(name)s") % vars(detail)
    return _and(words, _members(detail))


@in_words.register
def _group_adopted(detail: GroupAdopted, known: Names) -> str:
    if detail.was is None:
        words = _("The group %(name)s, which had been imported, was pushed") % vars(detail)
    else:
        words = _("The group %(was)s, which had been imported, was pushed as %(name)s") % vars(detail)
    return _and(words, _members(detail))


@in_words.register
def _hold_began(detail: HoldBegan, known: Names) -> str:
    if detail.rules == [Rule.SUPPORT]:
        return _("Support began to hold what a token takes away")
    return _("Muster holds changes that were too many at once")


@in_words.register
def _hold_let_through(detail: HoldLetThrough, known: Names) -> str:
    if not detail.marked:
        return _("The hold by support was ended; nobody was held")
    if detail.everybody:
        words = ngettext(
            "Held changes were let through, for %(count)s person",
            "Held changes were let through, for all %(count)s people",
            detail.marked,
        )
    else:
        words = ngettext(
            "Held changes were let through for %(count)s person",
            "Held changes were let through for %(count)s people",
            detail.marked,
        )
    return words % {"count": f"{detail.marked:,}"}


@in_words.register
def _import_ended(detail: ImportEnded, known: Names) -> str:
    if detail.phase == "done":
        words = _("The import of %(file)s is done: %(counts)s")
    elif detail.phase == "cancelled":
        words = _("The import of %(file)s was cancelled: %(counts)s")
    else:
        words = _("The import of %(file)s was stopped by an error: %(counts)s")
    verdicts = [(each.label, detail.counts[each]) for each in Verdict if each in detail.counts]
    counts = [f"{label}: {count}" for label, count in verdicts]
    if detail.left:
        counts.append(_("not imported: %(left)d") % {"left": detail.left})
    return words % {"file": detail.file, "counts": ", ".join(counts)}


def _members(detail: GroupDetail) -> str:
    added, removed = detail.added, detail.removed
    parts = []
    if added:
        parts.append(ngettext("%(count)s member added", "%(count)s members added", added) % {"count": f"{added:,}"})
    if removed:
        words = ngettext("%(count)s member removed", "%(count)s members removed", removed)
        parts.append(words % {"count": f"{removed:,}"})
    return ", ".join(parts)


@in_words.register
def _approved(detail: MappingApproved, known: Names) -> str:
    if len(detail.mappings) != 1:
        return _("%(count)s mappings were approved") % {"count": len(detail.mappings)}
    return _("Mapping %(mapping)s was approved") % {"mapping": _tie(detail.mappings[0])}


@in_words.register
def _rejected(detail: MappingRejected, known: Names) -> str:
    if len(detail.mappings) != 1:
        return _("%(count)s mappings were rejected") % {"count": len(detail.mappings)}
    return _("Mapping %(mapping)s was rejected") % {"mapping": _tie(detail.mappings[0])}


@in_words.register
def _retargeted(detail: MappingRetargeted, known: Names) -> str:
    now = next((each for each in detail.mappings if each["now"] != Status.REJECTED), None)
    if now is None:
        return _("A mapping was given another target")
    return _("%(group)s was mapped to %(entity)s instead") % {"group": now["group_name"], "entity": _target(now)}


@in_words.register
def _roles_removed(detail: ProfileRolesRemoved, known: Names) -> str:
    words = _("Groups carried roles that the schema profile no longer has: %(roles)s")
    return words % {"roles": ", ".join(detail.roles)}


@in_words.register
def _rule_added(detail: RuleAdded, known: Names) -> str:
    words = _("A role rule was added: %(rule)s") if "role" in detail.rule else _("A mapping rule was added: %(rule)s")
    return words % {"rule": _rule(detail.rule)}


@in_words.register
def _rule_changed(detail: RuleChanged, known: Names) -> str:
    is_role = "role" in detail.rule
    words = _("A role rule was changed: %(rule)s") if is_role else _("A mapping rule was changed: %(rule)s")
    return words % {"rule": _rule(detail.rule)}


@in_words.register
def _rule_deleted(detail: RuleDeleted, known: Names) -> str:
    is_role = "role" in detail.rule
    words = _("A role rule was deleted: %(rule)s") if is_role else _("A mapping rule was deleted: %(rule)s")
    return words % {"rule": _rule(detail.rule)}


@in_words.register
def _rules_applied(detail: RulesApplied, known: Names) -> str:
    if any("role" in mapping for mapping in detail.mappings):
        words = _("Role rules were applied to groups: %(approved)s given a role, %(pending)s waiting for approval")
    else:
        words = _("Rules were applied to unmapped groups: %(approved)s mapped, %(pending)s waiting for approval")
    return words % {
        "approved": f"{detail.approved:,}",
        "pending": f"{detail.pending:,}",
    }


@in_words.register
def _roles_set(detail: UserRolesSet, known: Names) -> str:
    person = known.person(detail.user)
    if detail.now:
        return _("%(person)s was given a role by hand: %(roles)s") % {
            "person": person,
            "roles": ", ".join(detail.now),
        }
    return _("The role that %(person)s had by hand was removed") % {"person": person}


@in_words.register
def _invited(detail: InvitationsSent, known: Names) -> str:
    about = {"count": len(detail.invitations), "roles": ", ".join(detail.roles)}
    if len(detail.invitations) == 1:
        return _("%(address)s was invited as %(roles)s") % (
            about | {"address": known.invitation(detail.invitations[0])}
        )
    return _("%(count)s people were invited as %(roles)s") % about


@in_words.register
def _joined(detail: UserJoined, known: Names) -> str:
    about = {"person": known.person(detail.user), "roles": ", ".join(detail.roles)}
    return _("%(person)s accepted an invitation as %(roles)s") % about


@in_words.register
def _factor_added(detail: UserFactorAdded, known: Names) -> str:
    is_app = detail.kind == FactorKind.TOTP
    words = _("%(person)s added an authenticator app") if is_app else _("%(person)s added a passkey")
    return words % {"person": known.person(detail.user)}


@in_words.register
def _factor_removed(detail: UserFactorRemoved, known: Names) -> str:
    is_app = detail.kind == FactorKind.TOTP
    words = _("%(person)s removed an authenticator app") if is_app else _("%(person)s removed a passkey")
    return words % {"person": known.person(detail.user)}


@in_words.register
def _limited(detail: EntityLimited, known: Names) -> str:
    if detail.now is None:
        return _("%(name)s may have any number of parallel sessions") % vars(detail)
    return _("%(name)s may have %(now)s parallel sessions") % vars(detail)


@in_words.register
def _decided(detail: ConflictDecided, known: Names) -> str:
    use = _("use incoming") if detail.use == "incoming" else _("keep current")
    if detail.user:
        return _("A conflict of %(person)s was resolved: %(use)s") % {"person": known.person(detail.user), "use": use}
    return _("%(count)s conflicts were resolved: %(use)s") % {"count": detail.conflicts, "use": use}


@in_words.register
def _undone(detail: ConflictUndone, known: Names) -> str:
    if detail.user:
        return _("A decision about %(person)s was undone") % {"person": known.person(detail.user)}
    return _("%(count)s decisions were undone") % {"count": detail.decisions}


@in_words.register
def _org_changed(detail: OrgChanged, known: Names) -> str:
    fields = "; ".join(
        f"{_column(name)}: {_value(told['was'])} → {_value(told['now'])}" for name, told in detail.fields.items()
    )
    return _("Support changed the organization: %(fields)s") % {"fields": fields}


@in_words.register
def _switched(detail: OrgGroupProvisioningSwitched, known: Names) -> str:
    return _("Group provisioning was switched on") if detail.on else _("Group provisioning was switched off")


@in_words.register
def _hold_limits(detail: OrgHoldLimitsChanged, known: Names) -> str:
    labels = dict(HoldLimits.choices)
    return _("The limits for holding changes were set: %(was)s → %(now)s") % {
        "was": labels.get(detail.was, detail.was),
        "now": labels.get(detail.now, detail.now),
    }


@in_words.register
def _two_persons(detail: OrgTwoPersonsSwitched, known: Names) -> str:
    if detail.on:
        return _("Two-person approval was switched on")
    return _("Two-person approval was switched off")


_WISHES: dict[str, Promise] = {
    "approve": gettext_lazy("to approve mappings"),
    "map": gettext_lazy("to map a group"),
    "map_many": gettext_lazy("to map groups"),
    "retarget": gettext_lazy("to change what a group is mapped to"),
    "reject": gettext_lazy("to reject mappings"),
    "end": gettext_lazy("to end groups"),
    "undo_end": gettext_lazy("to undo the end of a group"),
    "apply": gettext_lazy("to apply rules"),
    "keep_rule": gettext_lazy("to save a rule"),
    "delete_rule": gettext_lazy("to delete a rule"),
    "move_rule": gettext_lazy("to move a rule"),
    "order_rules": gettext_lazy("to change the order of rules"),
    "switch_person": gettext_lazy("to activate somebody"),
    "set_roles": gettext_lazy("to set roles by hand"),
    "invite": gettext_lazy("to invite people"),
    "resend": gettext_lazy("to send an invitation again"),
    "hand_over": gettext_lazy("to hand over the owner account"),
    "let_through": gettext_lazy("to let held changes through"),
    "take_back": gettext_lazy("to take changes back"),
    "hold_limits": gettext_lazy("to change the limits for held changes"),
    "two_persons": gettext_lazy("to switch two-person approval on or off"),
}


@in_words.register
def _proposal(detail: ProposalDetail, known: Names) -> str:
    return str(_PROPOSALS[type(detail)]) % {"what": _WISHES.get(detail.do, detail.do)}


_PROPOSALS: dict[type[ProposalDetail], Promise] = {
    ProposalMade: gettext_lazy("A second admin was asked for approval %(what)s"),
    ProposalApproved: gettext_lazy("A second admin approved the request %(what)s"),
    ProposalRefused: gettext_lazy("A second admin refused the request %(what)s"),
    ProposalExpired: gettext_lazy("The request %(what)s expired"),
}


@in_words.register
def _proposal_withdrawn(detail: ProposalWithdrawn, known: Names) -> str:
    if detail.gone:
        words = _("The request %(what)s was withdrawn, since whoever asked is no longer an active admin")
    else:
        words = _("The request %(what)s was withdrawn")
    return words % {"what": _WISHES.get(detail.do, detail.do)}


@in_words.register
def _accounts_switched(detail: OrgSsoAccountsSwitched, known: Names) -> str:
    if detail.on:
        return _("Signing in was allowed to create accounts for people without one")
    return _("Signing in no longer creates accounts")


@in_words.register
def _token_limited(detail: TokenLimited, known: Names) -> str:
    if not detail.now:
        return _("The SCIM token “%(name)s” is accepted from every address") % vars(detail)
    return _("The SCIM token “%(name)s” is accepted only from %(networks)s") % {
        "name": detail.name,
        "networks": ", ".join(detail.now),
    }


@in_words.register
def _key_issued(detail: KeyIssued, known: Names) -> str:
    return _("The API key “%(name)s” was created, for: %(scopes)s") % {
        "name": detail.name,
        "scopes": ", ".join(detail.scopes),
    }


@in_words.register
def _webhook_created(detail: WebhookCreated, known: Names) -> str:
    return _("The webhook to %(host)s was created, for: %(kinds)s") % {
        "host": detail.host,
        "kinds": ", ".join(detail.kinds),
    }


@in_words.register
def _webhook_changed(detail: WebhookChanged, known: Names) -> str:
    words = {"url": _("address"), "kinds": _("kinds"), "max_items": _("items of a message")}
    return _("The webhook to %(host)s was changed: %(fields)s") % {
        "host": detail.host,
        "fields": ", ".join(words.get(field, field) for field in detail.fields),
    }


@in_words.register
def _webhook_disabled(detail: WebhookDisabled, known: Names) -> str:
    sentences = {
        "gone": _("The webhook to %(host)s was disabled: its receiver answered that it is gone"),
        "failing": _("The webhook to %(host)s was disabled: it had failed for five days"),
    }
    return sentences.get(detail.reason, _("The webhook to %(host)s was disabled")) % {"host": detail.host}


@in_words.register
def _webhook_replayed(detail: WebhookReplayed, known: Names) -> str:
    if detail.from_start:
        return _("The webhook to %(host)s replays everything") % {"host": detail.host}
    return _("The webhook to %(host)s replays what it sent before") % {"host": detail.host}


@in_words.register
def _matter_dismissed(detail: MatterDismissed, known: Names) -> str:
    what = MatterKind(detail.kind).label if detail.kind in MatterKind.values else detail.kind
    return _("The notice about “%(name)s” was dismissed: %(what)s") % {
        "name": detail.name or _("somebody who was erased"),
        "what": what,
    }


@in_words.register
def _domains_changed(detail: OrgDomainsChanged, known: Names) -> str:
    return _("The verified domains are now: %(names)s") % {"names": ", ".join(detail.now) or _("none")}


@in_words.register
def _drift(detail: EngineDriftFound, known: Names) -> str:
    words = ngettext(
        "A check found %(count)s person whose roles or assignments were wrong; they are being corrected",
        "A check found %(count)s people whose roles or assignments were wrong; they are being corrected",
        detail.people,
    )
    return words % {"count": f"{detail.people:,}"}


def _kind(kind: str) -> str:
    return str(dict(TARGET_KINDS).get(kind, kind))


def _tie(mapping: MappingStory) -> str:
    """A mapping of a change's detail: `Engineering → Platform`, or the kind where there is no entity yet."""
    return f"{mapping['group_name']} → {_target(mapping) or _kind(mapping['kind']).lower()}"


def _target(mapping: MappingStory) -> str | None:
    return mapping.get("role") or mapping["entity_name"]


def _mapping(mapping: MappingStory) -> str:
    now = Status(mapping["now"]).label
    status = f"{Status(mapping['was']).label} → {now}" if mapping["was"] not in (None, mapping["now"]) else str(now)
    tie = f"{_tie(mapping)} ({_kind(mapping['kind']).lower()})" if _target(mapping) else _tie(mapping)
    words = _("Mapping %(mapping)s: %(status)s") % {"mapping": tie, "status": status}
    # A rule makes mappings; what becomes of them later is somebody else's doing.
    rule = mapping["rule"] if mapping["was"] is None else None
    return _("%(words)s, by the rule %(rule)s") % {"words": words, "rule": _pattern(rule)} if rule else words


def _renamed(entity: RenameStory) -> str:
    about = {"kind": _kind(entity["kind"]), "was": entity["was"], "now": entity.get("now", "")}
    if entity.get("kept"):
        return _("%(kind)s %(was)s keeps its name: the new one is taken or cannot be used") % about
    return _("%(kind)s %(was)s was renamed to %(now)s") % about


def _rule(rule: RuleStory) -> str:
    words = " ".join([_pattern(rule), "→", _kind(rule["kind"]).lower(), *([rule["role"]] if "role" in rule else [])])
    return _("%(rule)s, auto-approve") % {"rule": words} if rule["auto_approve"] else words


def _pattern(rule: RuleThen | RuleStory) -> str:
    label = PatternType(rule["pattern_type"]).label
    return f"{label} “{rule['pattern']}”" if rule["pattern"] else str(label)


def _column(name: str) -> str:
    return capfirst(str(Organization._meta.get_field(name).verbose_name))  # type: ignore[union-attr]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return str(value)


def _and(words: str, more: str) -> str:
    return f"{words}: {more}" if more else words


# --- Effects ----------------------------------------------------------------------------------------------------------

_ACCOUNTS: dict[str, Promise] = {
    "active": gettext_lazy("%(person)s is active"),
    "inactive": gettext_lazy("%(person)s is deactivated"),
    "invited": gettext_lazy("%(person)s has an account, which SCIM does not manage"),
    "deleted": gettext_lazy("%(person)s is deleted"),
    "erased": gettext_lazy("The account is erased"),
}


def effect(entry: LedgerEntry, known: Names) -> str:
    """What came of a change for one person."""
    person, was, now = known.person(entry.user_id), entry.was, entry.now
    about: dict[str, Any] = {"person": person, "was": was, "now": now, "slot": entry.slot}
    match entry.slot:
        case "account" if now in _ACCOUNTS:
            return _ACCOUNTS[now] % about
        case "idp_active" if now:
            return _("The identity provider says that %(person)s is active; they stay deactivated by hand") % about
        case "idp_active":
            return _("The identity provider deactivated %(person)s too") % about
        case "roles":
            about |= {"was": ", ".join(was or ()), "now": ", ".join(now or ())}
            return (_("Role of %(person)s: %(was)s → %(now)s") if was else _("Role of %(person)s: %(now)s")) % about
        case "team" | "concurrency_group" | "sub_organization" as kind:
            return _place(kind, was, now, known, about)
        case "conflict":
            return _conflict(was, now, known, about)
        case "refused" if now == "":
            return _("%(was)s of %(person)s was refused") % about
        case "refused":
            return _("%(was)s of %(person)s was refused: %(now)s") % about
        case "skipped":
            return _("%(person)s was not added to %(group)s: SCIM has deleted them") % (
                about | {"group": known.group(now)}
            )
        case "last_admin" if now == "kept":
            return _("%(person)s keeps the admin role: there is no other active admin") % about
        case "last_admin":
            return _("%(person)s was the last active admin") % about
    return f"{person}: {entry.slot} {_value(was)} → {_value(now)}"


def _place(kind: str, was: Any, now: Any, known: Names, about: dict[str, Any]) -> str:
    about = about | {
        "kind": _kind(kind).lower(),
        "was": known.entity(was) if was else "",
        "now": known.entity(now) if now else "",
    }
    if was and now:
        return _("%(person)s moved from the %(kind)s %(was)s to %(now)s") % about
    return (_("%(person)s joined the %(kind)s %(now)s") if now else _("%(person)s left the %(kind)s %(was)s")) % about


def _conflict(was: Any, now: Any, known: Names, about: dict[str, Any]) -> str:
    told = now or was
    about = about | {
        "incoming": known.mapping(told["incoming"]),
        "holders": ", ".join(known.mapping(holder) for holder in told["holders"]),
    }
    if now and not was:
        return _("Conflict of %(person)s opened: %(incoming)s against %(holders)s") % about
    if was and not now:
        return _("Conflict of %(person)s closed: %(incoming)s against %(holders)s") % about
    return _("Conflict of %(person)s: %(incoming)s is now against %(holders)s") % about
