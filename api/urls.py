"""What is below `/api/v1`. Not part of the URLconf: the front door resolves these."""

from django.urls import URLPattern, path, re_path

from api.base import Unknown
from api.changes import AllChanges, OrgChanges
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


urlpatterns = [
    path("changes", AllChanges.as_view()),
    path("organizations/<uuid:org>/changes", OrgChanges.as_view()),
    path("history", AllHistory.as_view()),
    path("organizations/<uuid:org>/history", OrgHistory.as_view()),
    *_webhooks("webhooks"),
    *_webhooks("organizations/<uuid:org>/webhooks"),
    path("organizations/<uuid:org>/imports", Imports.as_view()),
    path("organizations/<uuid:org>/imports/<uuid:import_id>", OneImport.as_view()),
    path("organizations/<uuid:org>/imports/<uuid:import_id>/rows", ImportRows.as_view()),
    path("organizations/<uuid:org>/imports/<uuid:import_id>/start", StartImport.as_view()),
    path("organizations/<uuid:org>/imports/<uuid:import_id>/cancel", CancelImport.as_view()),
    re_path("", Unknown.as_view()),
]
