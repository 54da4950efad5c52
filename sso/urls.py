"""The URLs of single sign-on."""

from django.urls import path

from sso.web import logout, pages, renewing, setup, sign_in, sign_in_log, testing, unlinking

urlpatterns = [
    path("sso/<uuid:connection_id>/start", sign_in.start, name="sso-start"),
    path("sso/<uuid:connection_id>/callback", sign_in.callback, name="sso-callback"),
    path("sso/<uuid:connection_id>/acs", sign_in.acs, name="sso-acs"),
    path("sso/<uuid:connection_id>/metadata", sign_in.metadata, name="sso-metadata"),
    path("sso/<uuid:connection_id>/initiate", sign_in.initiate, name="sso-initiate"),
    path("sso/<uuid:connection_id>/logout", logout.logout, name="sso-logout"),
    path("sso/<uuid:connection_id>/revoke", logout.revoke, name="sso-revoke"),
    path("settings/single-sign-on/", pages.overview, name="sso"),
    path("settings/single-sign-on/provider/", pages.choose_provider, name="sso-provider"),
    path("settings/single-sign-on/configuration/", pages.configure, name="sso-configure"),
    path("settings/single-sign-on/test/", testing.begin, name="sso-test"),
    path("settings/single-sign-on/activate/", pages.activate, name="sso-activate"),
    path("settings/single-sign-on/switch-off/", pages.switch_off, name="sso-switch-off"),
    path("settings/single-sign-on/discard/", pages.discard, name="sso-discard"),
    path("settings/single-sign-on/accounts/", pages.accounts, name="sso-accounts"),
    path("settings/single-sign-on/sign-ins/", sign_in_log.sign_ins, name="sso-sign-ins"),
    path("settings/single-sign-on/links/", unlinking.unlink_all, name="sso-unlink-all"),
    path("settings/single-sign-on/links/<uuid:user_id>/", unlinking.unlink, name="sso-unlink"),
    path("settings/single-sign-on/certificates/link/", renewing.make_link, name="sso-renewal-link"),
    path("setup/<uuid:link_id>/certificate/", renewing.hand_in, name="setup-certificate"),
    path("setup/<uuid:link_id>/sso/", setup.configure, name="setup-sso"),
    path("setup/<uuid:link_id>/sso/provider/", setup.choose_provider, name="setup-sso-provider"),
    path("setup/<uuid:link_id>/sso/test/", setup.test, name="setup-sso-test"),
]
