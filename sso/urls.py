"""The URLs of single sign-on."""

from django.urls import path

from sso.web import logout, sign_in

urlpatterns = [
    path("sso/<uuid:connection_id>/start", sign_in.start, name="sso-start"),
    path("sso/<uuid:connection_id>/callback", sign_in.callback, name="sso-callback"),
    path("sso/<uuid:connection_id>/initiate", sign_in.initiate, name="sso-initiate"),
    path("sso/<uuid:connection_id>/logout", logout.logout, name="sso-logout"),
]
