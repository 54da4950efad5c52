"""Signing in and out, and choosing a password."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login, logout, views
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from orgs import sign_in as accounts
from orgs.forms import ForgottenPasswordForm, SetPasswordForm, SignInForm
from orgs.models import User
from orgs.web.limits import client_address


@sensitive_post_parameters("password")
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(_landing(request, request.user))
    form = SignInForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = form.get_user()
        login(request, user)
        return redirect(_landing(request, user))
    return render(request, "registration/sign_in.html", {"form": form, "next": _wanted(request)})


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    messages.success(request, _("You are signed out."))
    return redirect("sign-in")


@never_cache
def forgotten_password(request: HttpRequest) -> HttpResponse:
    """The answer is the same whether a mail is sent or not."""
    form = ForgottenPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        accounts.send_password_link(form.cleaned_data["email"], client=client_address(request))
        return render(request, "registration/password_link_sent.html", {"address": form.cleaned_data["email"]})
    return render(request, "registration/forgotten_password.html", {"form": form})


class SetPassword(views.PasswordResetConfirmView):
    """Opened from the link in a mail. Django removes the secret from the URL before anything is shown."""

    form_class = SetPasswordForm
    token_generator = accounts.reset_links
    template_name = "registration/set_password.html"
    success_url = reverse_lazy("sign-in")
    reset_url_token = "choose"  # noqa: S105 - what the URL shows instead of the secret

    def get_user(self, uidb64: str) -> User | None:
        user: Any = super().get_user(uidb64)
        return user if user and user.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, _("Your password has been changed. Sign in with it."))
        return response


def _wanted(request: HttpRequest) -> str:
    """The page that was requested before signing in; empty if there is none or it is not on this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else ""


def _landing(request: HttpRequest, user: User) -> str:
    return _wanted(request) or resolve_url("admin:index" if user.is_staff else "overview")
