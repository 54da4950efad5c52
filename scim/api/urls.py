"""What is below a SCIM base URL. Not part of the URLconf: the front door resolves these."""

from django.urls import path, re_path

from scim.api import discovery, users
from scim.api.base import Unknown

urlpatterns = [
    path("ServiceProviderConfig", discovery.ServiceProviderConfig.as_view()),
    path("Users", users.Users.as_view()),
    path("Users/<str:user_id>", users.UserDetail.as_view()),
    re_path("", Unknown.as_view()),
]
