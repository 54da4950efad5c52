"""What is below `/api/v1`. Not part of the URLconf: the front door resolves these."""

from django.urls import URLPattern, path, re_path

from api import explanations, mappings, matters, resources
from api.base import Unknown
from api.changes import AllChanges, OrgChanges
from api.commands import connections, credentials, domains, keys, organizations, setup_links
from api.documents import openapi
from api.history import AllHistory, OrgHistory
from api.imports import CancelImport, ImportRows, Imports, OneImport, StartImport
from api.webhooks import views as webhooks

ORG = "organizations/<uuid:org>"


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

urlpatterns = [
    path("openapi.json", openapi),
    path("changes", AllChanges.as_view()),
    path(f"{ORG}/changes", OrgChanges.as_view()),
    path("history", AllHistory.as_view()),
    path(f"{ORG}/history", OrgHistory.as_view()),
    path(f"{ORG}/people", resources.People.as_view()),
    path(f"{ORG}/people/<uuid:person>", resources.OnePerson.as_view()),
    path(f"{ORG}/people/<uuid:person>/explanation", explanations.OneExplanation.as_view()),
    path(f"{ORG}/teams", resources.Teams.as_view()),
    path(f"{ORG}/teams/<uuid:entity>", resources.OneTeam.as_view()),
    path(f"{ORG}/concurrency-groups", resources.ConcurrencyGroups.as_view()),
    path(f"{ORG}/concurrency-groups/<uuid:entity>", resources.OneConcurrencyGroup.as_view()),
    path(f"{ORG}/sub-organizations", resources.SubOrganizations.as_view()),
    path(f"{ORG}/sub-organizations/<uuid:entity>", resources.OneSubOrganization.as_view()),
    path(f"{ORG}/groups", resources.Groups.as_view()),
    path(f"{ORG}/groups/<uuid:group>", resources.OneGroup.as_view()),
    path(f"{ORG}/groups/<uuid:group>/members", resources.Members.as_view()),
    path(f"{ORG}/mappings", mappings.Mappings.as_view()),
    path(f"{ORG}/mappings/<uuid:mapping>", mappings.OneMapping.as_view()),
    path(f"{ORG}/rules", mappings.Rules.as_view()),
    path(f"{ORG}/rules/<uuid:rule>", mappings.OneRule.as_view()),
    path(f"{ORG}/conflicts", mappings.Conflicts.as_view()),
    path(f"{ORG}/matters", matters.Matters.as_view()),
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
