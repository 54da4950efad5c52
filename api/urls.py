"""What is below `/api/v1`. Not part of the URLconf: the front door resolves these."""

from django.urls import URLPattern, path, re_path

from api import explanations, held_changes, mappings, matters, proposals, resources
from api.base import Unknown
from api.changes import AllChanges, OrgChanges
from api.commands import (
    connections,
    credentials,
    decisions,
    domains,
    entities,
    invitations,
    keys,
    organizations,
    people,
    rules,
    setup_links,
    undo,
)
from api.commands import held_changes as held_commands
from api.commands import mappings as mapping_commands
from api.commands.previews import PreviewView
from api.documents import openapi
from api.history import AllHistory, OrgHistory
from api.imports import CancelImport, ImportRows, Imports, OneImport, StartImport
from api.webhooks import views as webhooks


def _webhooks(base: str) -> list[URLPattern]:
    one = f"{base}/<uuid:webhook>"
    return [
        path(base, webhooks.Webhooks.as_view()),
        path(one, webhooks.Webhook.as_view()),
        path(f"{one}/attempts", webhooks.Attempts.as_view()),
        path(f"{one}/rotate-secret", webhooks.RotateSecret.as_view()),
        path(f"{one}/enable", webhooks.Enable.as_view()),
        path(f"{one}/disable", webhooks.Disable.as_view()),
        path(f"{one}/replay", webhooks.Replay.as_view()),
        path(f"{one}/test", webhooks.Test.as_view()),
    ]


ORG = "organizations/<uuid:org>"
PERSON = f"{ORG}/people/<uuid:person>"
GROUP = f"{ORG}/groups/<uuid:group>"
MAPPING = f"{ORG}/mappings/<uuid:mapping>"
RULE = f"{ORG}/rules/<uuid:rule>"

urlpatterns = [
    path("openapi.json", openapi),
    path("changes", AllChanges.as_view()),
    path(f"{ORG}/changes", OrgChanges.as_view()),
    path("history", AllHistory.as_view()),
    path(f"{ORG}/history", OrgHistory.as_view()),
    path(f"{ORG}/people", resources.People.as_view()),
    path(PERSON, resources.OnePerson.as_view()),
    path(f"{PERSON}/explanation", explanations.OneExplanation.as_view()),
    path(f"{ORG}/groups", resources.Groups.as_view()),
    path(GROUP, resources.OneGroup.as_view()),
    path(f"{GROUP}/members", resources.Members.as_view()),
    path(f"{ORG}/mappings", mappings.Mappings.as_view()),
    path(MAPPING, mappings.OneMapping.as_view()),
    path(f"{ORG}/conflicts", mappings.Conflicts.as_view()),
    path(f"{ORG}/held-changes", held_changes.HeldChanges.as_view()),
    path(f"{ORG}/held-changes/<uuid:held>/people", held_changes.HeldPeople.as_view()),
    path(f"{ORG}/held-changes/<uuid:held>/let-through", held_commands.LetThrough.as_view()),
    path(f"{ORG}/take-back", undo.TakeBack.as_view()),
    path(f"{ORG}/proposals", proposals.Proposals.as_view()),
    path(f"{ORG}/proposals/<uuid:proposal>", proposals.OneProposal.as_view()),
    path(f"{ORG}/proposals/<uuid:proposal>/withdraw", proposals.Withdraw.as_view()),
    path(f"{ORG}/matters", matters.Matters.as_view()),
    path(f"{PERSON}/places/<uuid:entity>", people.Place.as_view()),
    path(f"{PERSON}/removals/<uuid:entity>", people.Removal.as_view()),
    path(f"{PERSON}/roles", people.Roles.as_view()),
    path(f"{PERSON}/deactivate", people.Deactivate.as_view()),
    path(f"{PERSON}/activate", people.Activate.as_view()),
    path(f"{PERSON}/erase", people.Erase.as_view()),
    path(f"{ORG}/invitations", invitations.Invitations.as_view()),
    path(f"{ORG}/invitations/<uuid:invitation>", invitations.OneInvitation.as_view()),
    path(f"{ORG}/invitations/<uuid:invitation>/resend", invitations.Resend.as_view()),
    path(f"{ORG}/teams", entities.Teams.as_view()),
    path(f"{ORG}/teams/<uuid:entity>", entities.OneTeam.as_view()),
    path(f"{ORG}/concurrency-groups", entities.ConcurrencyGroups.as_view()),
    path(f"{ORG}/concurrency-groups/<uuid:entity>", entities.OneConcurrencyGroup.as_view()),
    path(f"{ORG}/sub-organizations", entities.SubOrganizations.as_view()),
    path(f"{ORG}/sub-organizations/<uuid:entity>", entities.OneSubOrganization.as_view()),
    path(f"{ORG}/kinds", entities.Kinds.as_view()),
    path(f"{ORG}/rules", rules.Rules.as_view()),
    path(f"{ORG}/rules/back-test", rules.BackTest.as_view()),
    path(f"{ORG}/rules/apply", rules.ApplyRules.as_view()),
    path(RULE, rules.OneRule.as_view()),
    path(f"{RULE}/move", rules.MoveRule.as_view()),
    path(f"{RULE}/apply", rules.ApplyRule.as_view()),
    path(f"{ORG}/groups/map", mapping_commands.MapMany.as_view()),
    path(f"{ORG}/groups/end", mapping_commands.EndGroups.as_view()),
    path(f"{GROUP}/mappings", mapping_commands.Mappings.as_view()),
    path(f"{GROUP}/end", mapping_commands.EndGroup.as_view()),
    path(f"{GROUP}/undo-end", mapping_commands.UndoEnd.as_view()),
    path(f"{ORG}/mappings/approve", mapping_commands.ApproveMany.as_view()),
    path(f"{ORG}/mappings/reject", mapping_commands.RejectMany.as_view()),
    path(f"{MAPPING}/approve", mapping_commands.Approve.as_view()),
    path(f"{MAPPING}/retarget", mapping_commands.Retarget.as_view()),
    path(f"{MAPPING}/reject", mapping_commands.Reject.as_view()),
    path(f"{ORG}/conflicts/decide", decisions.Decide.as_view()),
    path(f"{ORG}/decisions/undo", decisions.Undo.as_view()),
    path(f"{ORG}/previews/<uuid:preview>", PreviewView.as_view()),
    *_webhooks("webhooks"),
    *_webhooks(f"{ORG}/webhooks"),
    path(f"{ORG}/imports", Imports.as_view()),
    path(f"{ORG}/imports/<uuid:import_id>", OneImport.as_view()),
    path(f"{ORG}/imports/<uuid:import_id>/rows", ImportRows.as_view()),
    path(f"{ORG}/imports/<uuid:import_id>/start", StartImport.as_view()),
    path(f"{ORG}/imports/<uuid:import_id>/cancel", CancelImport.as_view()),
    path("organizations", organizations.OrganizationList.as_view()),
    path(ORG, organizations.OrganizationDetail.as_view()),
    path(f"{ORG}/owner", organizations.OrganizationOwner.as_view()),
    path("deletions", organizations.DeletionList.as_view()),
    path("deletions/<uuid:deletion>", organizations.DeletionDetail.as_view()),
    path(f"{ORG}/tokens", credentials.TokenList.as_view()),
    path(f"{ORG}/tokens/<uuid:token>", credentials.TokenDetail.as_view()),
    path(f"{ORG}/keys", keys.KeyList.as_view()),
    path(f"{ORG}/keys/<uuid:key>", keys.KeyDetail.as_view()),
    path(f"{ORG}/setup-links", setup_links.LinkList.as_view()),
    path(f"{ORG}/setup-links/<uuid:link>", setup_links.LinkDetail.as_view()),
    path(f"{ORG}/domains", domains.DomainList.as_view()),
    path(f"{ORG}/domains/<str:name>", domains.DomainDetail.as_view()),
    path(f"{ORG}/domains/<str:name>/verification", domains.DomainVerification.as_view()),
    path(f"{ORG}/connection", connections.ConnectionDetail.as_view()),
    path(f"{ORG}/connection/draft", connections.ConnectionDraft.as_view()),
    path(f"{ORG}/connection/active", connections.ConnectionActive.as_view()),
    re_path("", Unknown.as_view()),
]
