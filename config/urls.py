"""Every URL of the portal except the base URLs of SCIM and of the API, which front doors answer."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from api import documents
from config import health

handler500 = "config.errors.failed"

urlpatterns = [
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("health/queue", health.settling, name="health-queue"),
    path("admin/", admin.site.urls),
    path("api/docs", documents.docs, name="api-docs"),
    path("problems/<slug:kind>", documents.problem, name="problem"),
    path("", include("groups_provisioning.urls")),
    path("", include("orgs.urls")),
    path("", include("scim.urls")),
    path("", include("sso.urls")),
    path("", include("api.web.urls")),
]

if settings.DEBUG:
    from debug_toolbar.toolbar import debug_toolbar_urls

    urlpatterns += debug_toolbar_urls()
