"""What is below `/api/v1`. Not part of the URLconf: the front door resolves these."""

from django.urls import path, re_path

from api.base import Unknown
from api.changes import AllChanges, OrgChanges
from api.history import AllHistory, OrgHistory

urlpatterns = [
    path("changes", AllChanges.as_view()),
    path("organizations/<uuid:org>/changes", OrgChanges.as_view()),
    path("history", AllHistory.as_view()),
    path("organizations/<uuid:org>/history", OrgHistory.as_view()),
    re_path("", Unknown.as_view()),
]
