"""What support staff see and do: a mirror with verbs. What an IdP or a command owns is read-only here."""

from django.contrib import admin
from django.contrib.auth.models import Group

from orgs.admin import history, organizations, people, profiles, queue

# Django registers its groups of permissions; staff are not divided into any.
if admin.site.is_registered(Group):
    admin.site.unregister(Group)

__all__ = ["history", "organizations", "people", "profiles", "queue"]
