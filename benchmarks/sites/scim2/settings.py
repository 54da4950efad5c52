"""A site of django-scim2, as its documentation sets it up."""

from shared_settings import *  # noqa: F403
from shared_settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_scim", "scim2"]
AUTH_USER_MODEL = "scim2.User"
ROOT_URLCONF = "scim2.urls"
MIDDLEWARE = ["bearer.Bearer", "django_scim.middleware.SCIMAuthCheckMiddleware"]
SCIM_SERVICE_PROVIDER = {
    "NETLOC": "localhost",
    "AUTHENTICATION_SCHEMES": [{"type": "oauthbearertoken", "name": "Bearer", "description": "A token"}],
    "GROUP_MODEL": "scim2.models.Group",
}
