"""What is below `/api/v1`. Not part of the URLconf: the front door resolves these."""

from django.urls import path, re_path

from api.base import Unknown
from api.changes import AllChanges, OrgChanges
from api.imports import CancelImport, ImportRows, Imports, OneImport, StartImport

urlpatterns = [
    path("changes", AllChanges.as_view()),
    path("organizations/<uuid:org>/changes", OrgChanges.as_view()),
    path("organizations/<uuid:org>/imports", Imports.as_view()),
    path("organizations/<uuid:org>/imports/<uuid:import_id>", OneImport.as_view()),
    path("organizations/<uuid:org>/imports/<uuid:import_id>/rows", ImportRows.as_view()),
    path("organizations/<uuid:org>/imports/<uuid:import_id>/start", StartImport.as_view()),
    path("organizations/<uuid:org>/imports/<uuid:import_id>/cancel", CancelImport.as_view()),
    re_path("", Unknown.as_view()),
]
