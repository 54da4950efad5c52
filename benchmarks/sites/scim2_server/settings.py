"""A site of django-scim2-server, as its documentation sets it up."""

from shared_settings import *  # noqa: F403
from shared_settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_scim2_server"]
ROOT_URLCONF = "scim2_server.urls"
MIDDLEWARE = ["bearer.Bearer"]
SCIM2_SERVER_AUTH_CHECK = "django_scim2_server.auth.is_superuser"
