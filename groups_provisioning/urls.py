"""The addresses of pages that join people with groups."""

from django.urls import path

from groups_provisioning.views import activity, overview

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("activity/", activity.changes, name="activity"),
    path("activity.csv", activity.export, name="activity-export"),
    path("activity/<uuid:change_id>/", activity.change, name="change"),
]
