"""The URLs of the pages about keys and webhooks. The API has its own: api.urls."""

from django.urls import path

from api.web import keys, webhooks

urlpatterns = [
    path("settings/api-keys/", keys.key_list, name="api-keys"),
    path("settings/api-keys/new/", keys.new, name="api-key-new"),
    path("settings/api-keys/<uuid:key_id>/take-over/", keys.take_over, name="api-key-take-over"),
    path("settings/api-keys/<uuid:key_id>/revoke/", keys.revoke, name="api-key-revoke"),
    path("settings/webhooks/", webhooks.webhook_list, name="webhooks"),
    path("settings/webhooks/new/", webhooks.new, name="webhook-new"),
    path("settings/webhooks/<uuid:webhook_id>/", webhooks.one, name="webhook"),
    path("settings/webhooks/<uuid:webhook_id>/edit/", webhooks.edit, name="webhook-edit"),
    path("settings/webhooks/<uuid:webhook_id>/rotate/", webhooks.rotate, name="webhook-rotate"),
    path("settings/webhooks/<uuid:webhook_id>/test/", webhooks.send_test, name="webhook-test"),
    path("settings/webhooks/<uuid:webhook_id>/replay/", webhooks.replay, name="webhook-replay"),
    path("settings/webhooks/<uuid:webhook_id>/enable/", webhooks.enable, name="webhook-enable"),
    path("settings/webhooks/<uuid:webhook_id>/disable/", webhooks.disable, name="webhook-disable"),
    path("settings/webhooks/<uuid:webhook_id>/delete/", webhooks.delete, name="webhook-delete"),
]
