"""What is below a SCIM base URL. Not part of the URLconf: the front door resolves these."""

from django.urls import path, re_path

from scim.api import bulk, discovery, users
from scim.api.base import Unknown, Unsupported

urlpatterns = [
    path("ServiceProviderConfig", discovery.ServiceProviderConfig.as_view()),
    path("ResourceTypes", discovery.ResourceTypes.as_view()),
    path("ResourceTypes/<str:name>", discovery.ResourceTypeDetail.as_view()),
    path("Schemas", discovery.Schemas.as_view()),
    path("Schemas/<str:urn>", discovery.SchemaDetail.as_view()),
    path("Users", users.Users.as_view()),
    path("Users/.search", users.UserSearch.as_view()),
    path("Users/<str:user_id>", users.UserDetail.as_view()),
    path("Bulk", bulk.Bulk.as_view()),
    re_path(r"^(Me|\.search|Groups)(/|$)", Unsupported.as_view()),
    re_path("", Unknown.as_view()),
]
