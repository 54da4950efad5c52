"""The URLs of the organization's pages."""

from django.urls import path

from orgs.views import account, domains, owner, second_factor, settings, setup, setup_links, sign_in, support_views

urlpatterns = [
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-in/<slug:slug>/", sign_in.sign_in, name="sign-in-org"),
    path("where-to-sign-in/", sign_in.where_to_sign_in, name="where-to-sign-in"),
    path("support-view/end/", support_views.end, name="support-view-end"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("forgotten-password/", sign_in.forgotten_password, name="forgotten-password"),
    path("set-password/<uidb64>/<token>/", sign_in.SetPassword.as_view(), name="set-password"),
    path("second-factor/", second_factor.give, name="second-factor"),
    path("account/second-factor/", second_factor.factors, name="second-factors"),
    path("account/second-factor/app/", second_factor.add_app, name="second-factor-app"),
    path("account/second-factor/passkey/", second_factor.add_passkey, name="second-factor-passkey"),
    path("account/second-factor/codes/", second_factor.codes, name="second-factor-codes"),
    path("account/second-factor/<uuid:factor_id>/remove/", second_factor.remove, name="second-factor-remove"),
    path("account/", account.account, name="account"),
    path("account/name/", account.rename, name="account-name"),
    path("account/time-zone/", account.time_zone, name="account-time-zone"),
    path("account/password/", account.password, name="account-password"),
    path("account/sessions/end/", account.end_others, name="account-sessions-end"),
    path("account/sessions/<str:key>/end/", account.end_session, name="account-session-end"),
    path("settings/authentication/", settings.authentication, name="authentication"),
    path("settings/setup-links/", setup_links.link_list, name="setup-links"),
    path("settings/setup-links/new/", setup_links.new, name="setup-link-new"),
    path("settings/setup-links/<uuid:link_id>/revoke/", setup_links.revoke, name="setup-link-revoke"),
    path("settings/authentication/owner/", owner.hand_over, name="owner-hand-over"),
    path("settings/authentication/domains/new/", domains.new, name="domain-new"),
    path("settings/authentication/domains/<str:name>/", domains.pending, name="domain"),
    path("settings/authentication/domains/<str:name>/check/", domains.check, name="domain-check"),
    path("settings/authentication/domains/<str:name>/remove/", domains.remove, name="domain-remove"),
    path("setup/<uuid:link_id>/finish/", setup.finish, name="setup-finish"),
    path("setup/<uuid:link_id>/domains/", setup.domain_list, name="setup-domains"),
    path("setup/<uuid:link_id>/domains/<str:name>/look/", setup.look_for_domain, name="setup-domain-look"),
    path("setup/<str:secret>/", setup.open_link, name="setup"),
]
