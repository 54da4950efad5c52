"""The support staff's admin: a mirror with verbs. What an IdP or a command owns is read-only here."""

from django.contrib import admin
from django.contrib.auth.models import Group

from orgs.admin import history, mails, matters, organizations, people, profiles, queue

# Django registers its permission groups; `orgs.staff_groups` says what they allow.
if admin.site.is_registered(Group):
    admin.site.unregister(Group)

__all__ = ["history", "mails", "matters", "organizations", "people", "profiles", "queue"]
