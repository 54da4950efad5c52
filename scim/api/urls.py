"""What is below a SCIM base URL. Not part of the URLconf: the front door resolves these."""

from django.urls import path, re_path

from scim.api import bulk, discovery
from scim.api.base import Unknown, Unsupported
from scim.api.resources import Collection, Detail, Search
from scim.mapping import group_requests, user_requests

urlpatterns = [
    path("ServiceProviderConfig", discovery.ServiceProviderConfig.as_view()),
    path("ResourceTypes", discovery.ResourceTypes.as_view()),
    path("ResourceTypes/<str:name>", discovery.ResourceTypeDetail.as_view()),
    path("Schemas", discovery.Schemas.as_view()),
    path("Schemas/<str:urn>", discovery.SchemaDetail.as_view()),
    path("Users", Collection.as_view(requests=user_requests)),
    path("Users/.search", Search.as_view(requests=user_requests)),
    path("Users/<str:resource_id>", Detail.as_view(requests=user_requests)),
    path("Groups", Collection.as_view(requests=group_requests)),
    path("Groups/.search", Search.as_view(requests=group_requests)),
    path("Groups/<str:resource_id>", Detail.as_view(requests=group_requests)),
    path("Bulk", bulk.Bulk.as_view()),
    re_path(r"^(Me|\.search)(/|$)", Unsupported.as_view()),
    re_path("", Unknown.as_view()),
]
