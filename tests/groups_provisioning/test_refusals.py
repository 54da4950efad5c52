"""Whatever a command refuses is told in words, and a new refusal cannot be forgotten."""

from importlib import import_module
from inspect import getmembers, isclass
from pathlib import Path
from pkgutil import walk_packages

import pytest

import groups_provisioning
import orgs
from config.environment import ROOT
from groups_provisioning import refusals
from groups_provisioning.actions import conflict_decisions, imports, mappings
from groups_provisioning.actions.group_intake import GroupProvisioningOff
from groups_provisioning.models import PushedGroup
from groups_provisioning.preview.runs import Outdated
from groups_provisioning.rules.patterns import BadPattern
from orgs import (
    address_limits,
    api_keys,
    domains,
    entities,
    erasures,
    guarded_http,
    invitations,
    mail_choices,
    matters,
    organizations,
    owners,
    passkeys,
    past,
    people,
    profiles,
    proposals,
    second_factors,
    setup_links,
    sign_in,
    support_views,
    time_zones,
    tokens,
    txt_records,
)
from orgs.admin.people import SwitchRefused
from orgs.db import sealed
from orgs.db.prepared import PlanOutdated
from orgs.models import EntityKind
from orgs.web import access, bodies, in_flight, link_access, turns, viewing
from scim.mapping.errors import scim_error

# Refusals with words of their own, where they are caught.
TOLD_BY = {
    mail_choices.BadLink: "orgs/views/mails.py",
    support_views.OrgClosed: "scim/support_desk/pages.py",
    viewing.ChangesSomething: "orgs/web/access.py",
    bodies.CutOff: "api/bodies.py",
    bodies.TooLarge: "api/bodies.py",
    BadPattern: "groups_provisioning/refusals.py",
    PlanOutdated: "orgs/db/transactions.py",
    Outdated: "groups_provisioning/pages/deciding.py",
    conflict_decisions.ConflictGone: "groups_provisioning/pages/conflicts/views.py",
    conflict_decisions.UnknownDecision: "groups_provisioning/pages/conflicts/views.py",
    domains.NotADomain: "orgs/views/domains.py",
    domains.TooManyPending: "orgs/views/domains.py",
    domains.NotProven: "orgs/views/domains.py",
    domains.UnknownDomain: "orgs/views/domains.py",
    time_zones.UnknownTimeZone: "orgs/forms.py",
    setup_links.AlreadyOpen: "orgs/views/setup_links.py",
    setup_links.NotOpen: "orgs/views/setup_links.py",
    link_access.TooMany: "orgs/views/setup.py",
    tokens.Ended: "scim/views/tokens.py",
    api_keys.Ended: "api/web/keys.py",
    api_keys.KeyExists: "api/refusals.py",
    api_keys.ScopeNotGiven: "api/refusals.py",
    api_keys.TooManyKeys: "orgs/management/commands/issue_api_key.py",
    api_keys.UnknownKey: "orgs/management/commands/revoke_api_key.py",
    invitations.ThroughProvider: "groups_provisioning/pages/invitations/views.py",
    erasures.BadReceipt: "scim/management/commands/erase.py",
    guarded_http.Failed: "sso/fetching.py",
    imports.Empty: "scim/import_forms.py",
    imports.NotChecked: "scim/views/imports.py",
    imports.Running: "scim/views/imports.py",
    imports.UnknownImport: "scim/views/imports.py",
    in_flight.Busy: "orgs/web/fair_share.py",
    invitations.Conflicts: "groups_provisioning/pages/invitations/views.py",
    invitations.NotOpen: "groups_provisioning/pages/invitations/views.py",
    invitations.SentJustNow: "groups_provisioning/pages/invitations/views.py",
    invitations.TooMany: "groups_provisioning/pages/invitations/views.py",
    turns.NoTurn: "scim/api/base.py",
    matters.UnknownMatter: "scim/views/matters.py",
    organizations.NotActivated: "api/refusals.py",
    organizations.ProfileInUse: "api/refusals.py",
    organizations.OrganizationExists: "groups_provisioning/management/commands/create_org.py",
    organizations.UnknownOrganization: "orgs/management/commands/issue_token.py",
    owners.SameAddress: "orgs/views/owner.py",
    proposals.ProposalEnded: "groups_provisioning/pages/proposals/views.py",
    proposals.NotTheAsker: "groups_provisioning/pages/proposals/views.py",
    proposals.NotTheSecond: "groups_provisioning/pages/proposals/views.py",
    proposals.UnknownProposal: "groups_provisioning/pages/proposals/views.py",
    people.TakenMeanwhile: "groups_provisioning/actions/imports.py",
    people.NotAnAddress: "groups_provisioning/management/commands/create_org.py",
    people.UnknownPerson: "groups_provisioning/admin/people.py",
    profiles.RolesIncomplete: "orgs/admin/profiles.py",
    SwitchRefused: "orgs/admin/people.py",
    passkeys.NotAccepted: "orgs/views/second_factor.py",
    second_factors.KnownPasskey: "orgs/views/second_factor.py",
    second_factors.LastFactor: "orgs/views/second_factor.py",
    second_factors.SessionEnded: "orgs/views/second_factor.py",
    second_factors.TooManyFactors: "orgs/views/second_factor.py",
    second_factors.UnknownFactor: "orgs/views/second_factor.py",
    second_factors.WrongCode: "orgs/views/second_factor.py",
    access.SignInTooOld: "orgs/web/access.py",
    sealed.Unreadable: "sso/connections.py",
    sign_in.TooManyAttempts: "orgs/views/sign_in.py",
    address_limits.BadNetwork: "scim/forms.py",
    tokens.ShutOut: "scim/views/tokens.py",
    tokens.TokenExists: "api/refusals.py",
    past.NotKept: "groups_provisioning/pages/moments.py",
    past.NotYet: "groups_provisioning/pages/moments.py",
    tokens.UnknownToken: "api/refusals.py",
    tokens.TooManyTokens: "scim/views/tokens.py",
    tokens.PrerequisiteMissing: "orgs/management/commands/issue_token.py",
    txt_records.Unanswered: "orgs/views/domains.py",
}

# The doors look first, and do not ask for what would be refused.
NOT_ASKED = {
    profiles.BadAttributes,
    profiles.RoleInUse,
    second_factors.NoFactors,
}


def exceptions() -> set[type[Exception]]:
    """All that are defined in the apps that have commands, but for what modules keep to themselves."""
    found = set()
    for package in (groups_provisioning, orgs):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name:
                members = getmembers(import_module(module.name), isclass)
                found |= {
                    each
                    for _, each in members
                    if issubclass(each, Exception) and each.__module__ == module.name and each.__name__[0] != "_"
                }
    return found


@pytest.mark.parametrize("refusal", sorted(exceptions(), key=lambda each: each.__qualname__))
def test_every_refusal_is_told_somewhere(refusal: type[Exception]) -> None:
    if refusal in TOLD_BY:
        assert refusal.__name__ in Path(ROOT, TOLD_BY[refusal]).read_text()
    else:
        about: dict[str, bool] = {"activated": True} if refusal is GroupProvisioningOff else {}
        assert refusal in {*refusals.WORDS, *NOT_ASKED} or scim_error(refusal(*([] if about else ["x"]), **about))


def test_what_pages_and_previews_catch_has_words() -> None:
    assert {*mappings.REFUSALS, *entities.BAD_NAMES} <= set(refusals.WORDS)


@pytest.mark.parametrize("refusal", refusals.REFUSALS)
def test_words_are_complete(refusal: type[Exception]) -> None:
    sentence, phrase = refusals.in_words(refusal("Owners")), refusals.for_support(refusal("Owners"))
    assert sentence[-1] == "."
    assert phrase[-1] != "."
    assert "%" not in sentence + phrase + refusals.in_words(refusal())


def test_what_has_no_words_is_not_an_error_of_its_own() -> None:
    assert "Nothing was changed" in refusals.in_words(LookupError("new"))
    assert refusals.for_support(LookupError("new")) == "it is refused"


@pytest.mark.parametrize("kind", EntityKind)
@pytest.mark.parametrize("refusal", entities.BAD_NAMES)
def test_a_bad_name_is_told_as_such(refusal: type[Exception], kind: EntityKind) -> None:
    said = refusals.of_a_name(refusal("Owners"), kind)
    assert "name" in said or "called" in said
    assert "mapped" not in said


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "1 was refused: “g0”: Taken."),
        (2, "2 were refused: “g0”: Taken. “g1”: Taken."),
        (3, "3 were refused: “g0”: Taken. “g1”: Taken. And 1 more."),
    ],
)
def test_one_message_names_the_groups_and_counts_the_rest(
    count: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "NAMED", 2)
    assert refusals.told([(PushedGroup(display_name=f"g{n}"), "Taken.") for n in range(count)]) == words
