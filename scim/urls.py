"""The URLs of the pages about SCIM. The SCIM API has its own: scim.api.urls."""

from django.urls import path

from scim.views import imports, log, matters, overview, provisioning, setup, tokens, undo

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("settings/scim/", provisioning.provisioning, name="scim-provisioning"),
    path("settings/scim/tokens.csv", provisioning.export_tokens, name="scim-tokens-export"),
    path("settings/scim/groups/", tokens.group_provisioning, name="scim-group-provisioning"),
    path("settings/scim/tokens/new/", tokens.new_token, name="scim-token-new"),
    path("settings/scim/tokens/<uuid:token_id>/confirm/", tokens.confirm_token, name="scim-token-confirm"),
    path("settings/scim/tokens/<uuid:token_id>/revoke/", tokens.revoke_token, name="scim-token-revoke"),
    path("settings/scim/tokens/<uuid:token_id>/take-over/", tokens.take_over_token, name="scim-token-take-over"),
    path("settings/scim/tokens/<uuid:token_id>/addresses/", tokens.limit_token, name="scim-token-limit"),
    path("settings/scim/tokens/<uuid:token_id>/take-back/", undo.take_back_token, name="take-back-token"),
    path("activity/<uuid:change_id>/take-back/", undo.take_back_change, name="take-back-change"),
    path("settings/scim/matters/<uuid:matter_id>/dismiss/", matters.dismiss, name="matter-dismiss"),
    path("settings/scim/log/", log.log, name="scim-log"),
    path("settings/scim/log/news/", log.news, name="scim-log-news"),
    path("settings/scim/log.csv", log.export, name="scim-log-export"),
    path("settings/scim/log/<uuid:request_id>/", log.entry, name="scim-log-entry"),
    path("people/import/", imports.import_list, name="imports"),
    path("people/import/<uuid:import_id>/", imports.one, name="import"),
    path("people/import/<uuid:import_id>/start/", imports.start, name="import-start"),
    path("people/import/<uuid:import_id>/cancel/", imports.cancel, name="import-cancel"),
    path("people/import/<uuid:import_id>/rows.csv", imports.export, name="import-export"),
    path("setup/<uuid:link_id>/scim/", setup.scim, name="setup-scim"),
]
