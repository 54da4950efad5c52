"""Signing in and out, and choosing a password."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout, views
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from orgs import sign_in as accounts
from orgs.db.keys import fold
from orgs.forms import AddressForm, MailForm, OrgForm, SetPasswordForm, SignInForm
from orgs.models import Organization, User
from orgs.web import signed_in_before, signing_in
from orgs.web.access import form_page
from orgs.web.fair_share import busy
from orgs.web.in_flight import Busy
from orgs.web.limits import client_address

BY_PASSWORD = "password"  # noqa: S105 - the word
"""What `by` says where somebody wants to sign in with a password, though the address leads to an identity provider."""


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest, slug: str = "") -> HttpResponse:
    """The address, then the password or the identity provider. slug: of the org whose own sign-in page it is.

    What comes after an address is the same for every address of its domain: no account is looked up before there is a
    password to try.
    """
    org = get_object_or_404(Organization, slug=slug, closed_at=None) if slug else None
    if request.user.is_authenticated and org in (None, request.user.org):
        return redirect(signing_in.wanted(request) or signing_in.landing(request.user))
    words = {"org": org, "next": signing_in.wanted(request)}
    is_chosen = org is not None and request.method != "POST" and signed_in_before.SWITCH in request.GET
    if org is not None and is_chosen and (known := signed_in_before.account_in(request, org)):
        password = SignInForm(initial={"username": known.user_name})
        return render(request, "registration/sign_in_password.html", {"form": password, **words})
    by_password = BY_PASSWORD in (request.POST.get("by"), request.GET.get("by"))
    if org is not None and org.sso_connection is not None and request.method != "POST" and not by_password:
        return _through_provider(request, org, words)
    address = AddressForm(request.POST or None)
    if not address.is_valid():
        return render(request, "registration/sign_in.html", {"form": address, **words})
    if "password" not in request.POST:
        leads_to = [] if org or by_password else accounts.with_providers(address.cleaned_data["username"])
        if leads_to:
            return _to_one_of(request, leads_to, words)
        password = SignInForm(initial=address.cleaned_data)
        return render(request, "registration/sign_in_password.html", {"form": password, **words})
    password = SignInForm(request.POST)
    if password.is_valid():
        try:
            user = accounts.account_of(
                password.cleaned_data["username"],
                password.cleaned_data["password"],
                org=org,
                client=client_address(request),
                at=timezone.now(),
            )
        except accounts.TooManyAttempts as error:
            return too_many_attempts(request, *error.args)
        except Busy:
            return busy(request)
        if user is not None:
            return signing_in.after_password(request, user, next=signing_in.wanted(request))
        password.add_error(None, _("This address and password do not match an active account."))
    return render(request, "registration/sign_in_password.html", {"form": password, **words})


def _to_one_of(request: HttpRequest, orgs: list[Organization], words: dict[str, Any]) -> HttpResponse:
    """On to the identity provider that the address leads to; of several, to that of the org that is named.

    None of them is shown before it is.
    """
    if len(orgs) == 1:
        return _through_provider(request, orgs[0], words)
    form = OrgForm(request.POST) if "org" in request.POST else OrgForm(initial=request.POST.dict())
    if form.is_bound and form.is_valid():
        named = fold(form.cleaned_data["org"])
        if found := next((each for each in orgs if each.slug == named), None):
            return _through_provider(request, found, words)
        form.add_error("org", _("No organization with this short name signs in with this address."))
    return render(request, "registration/sign_in_org.html", {"form": form, **words})


def _through_provider(request: HttpRequest, org: Organization, words: dict[str, Any]) -> HttpResponse:
    """The page with the link there: the content security policy lets no form lead to another site."""
    there = signing_in.with_next(reverse("sso-start", args=[org.sso_connection]), words["next"])
    typed = request.POST.get("username", "")
    return render(request, "registration/sign_in_provider.html", {"there": there, "address": typed, **words})


def too_many_attempts(request: HttpRequest, until: datetime, with_this_address: bool) -> HttpResponse:
    """The page that says when to try again. Arguments: those of accounts.TooManyAttempts."""
    wait = max(1, math.ceil((until - timezone.now()).total_seconds()))
    words = {"until": until, "minutes": math.ceil(wait / 60), "with_this_address": with_this_address}
    answer = render(request, "registration/too_many_attempts.html", words, status=429)
    answer["Retry-After"] = str(wait)
    return answer


def form_out_of_date(request: HttpRequest, reason: str = "") -> HttpResponse:
    """For a form that was opened before somebody signed in or out (CSRF_FAILURE_VIEW).

    Somebody who has meanwhile signed in in another tab need not do so again.
    """
    match = request.resolver_match
    if match and match.url_name in ("sign-in", "sign-in-org") and request.user.is_authenticated:
        return redirect(signing_in.wanted(request) or signing_in.landing(request.user))
    return render(request, "403_csrf.html", {"back": form_page(request)}, status=403)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """With `next`, to sign in again and go on there."""
    # A message needs a session: strangers, who have none, must not be able to make one.
    if request.user.is_authenticated:
        wanted, org = signing_in.wanted(request), request.user.org
        logout(request)
        if wanted:
            request.session[signing_in.AGAIN] = True
            return redirect(signing_in.with_next(accounts.sign_in_path(org), wanted))
        messages.success(request, _("You are signed out."))
    response = redirect("sign-in")
    signed_in_before.forget(response)
    return response


@never_cache
def forgotten_password(request: HttpRequest) -> HttpResponse:
    """The answer is the same whether a mail is sent or not."""
    return _by_mail(request, "registration/forgotten_password", accounts.mail_password_links)


@never_cache
def where_to_sign_in(request: HttpRequest) -> HttpResponse:
    """The answer is the same whether a mail is sent or not."""
    return _by_mail(request, "registration/where_to_sign_in", accounts.mail_sign_in_addresses)


def _by_mail(request: HttpRequest, page: str, send: Callable[..., None]) -> HttpResponse:
    form = MailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        send(form.cleaned_data["email"], client=client_address(request))
        return render(request, f"{page}_sent.html", {"address": form.cleaned_data["email"]})
    return render(request, f"{page}.html", {"form": form})


class SetPassword(views.PasswordResetConfirmView):
    """Opened from the link in a mail. Django removes the secret from the URL before anything is shown."""

    form_class = SetPasswordForm
    token_generator = accounts.reset_links
    template_name = "registration/set_password.html"
    reset_url_token = "choose"  # noqa: S105 - what the URL shows instead of the secret

    def get_user(self, uidb64: str) -> User | None:
        user: Any = super().get_user(uidb64)
        is_open = user and user.is_active and user.password_counts and (user.org is None or user.org.closed_at is None)
        return user if is_open else None

    def get_success_url(self) -> str:
        user: Any = self.user
        return accounts.sign_in_path(user.org)

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, _("Your password has been changed. Sign in with it."))
        return response
