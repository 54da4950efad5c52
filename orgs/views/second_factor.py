"""The second factor: giving it on the way in, and the account's own pages about it (SPEC L6)."""

import base64
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

import segno
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from orgs import passkeys, second_factors, totp
from orgs.db.sealed import Unreadable
from orgs.forms import AppForm, CodeForm, PasskeyForm
from orgs.history import Cause
from orgs.models import Door, FactorKind, User
from orgs.passkeys import NotAccepted, Question
from orgs.second_factors import NewApp
from orgs.sign_in import TooManyAttempts, sign_in_path
from orgs.views.sign_in import too_many_attempts
from orgs.web import signing_in
from orgs.web.access import is_recent, sign_in_again
from orgs.web.signing_in import wanted, with_next

P = ParamSpec("P")
CHALLENGE = "passkey_challenge"
NEW_APP = "new_app"


@sensitive_post_parameters("code", "passkey")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def give(request: HttpRequest) -> HttpResponse:
    """Asks whoever has entered the right password for the second factor."""
    onward = wanted(request)
    user = signing_in.half_signed(request)
    if user is None:
        if request.user.is_authenticated:
            return redirect(onward or signing_in.landing(request.user))
        return redirect(with_next(reverse("sign-in"), onward))
    factors = second_factors.factors_of(user)
    if not factors:
        return redirect(with_next(reverse("second-factors"), onward or signing_in.landing(user)))
    has_app = any(factor.kind == FactorKind.TOTP for factor in factors)
    form = CodeForm(request.POST or None, has_app=has_app)
    wrong_passkey = False
    if request.method == "POST":
        challenge = _challenge(request)
        if "passkey" in request.POST:
            answer = request.POST["passkey"]
            if challenge and second_factors.accepts_passkey(user, answer, challenge, at=timezone.now()):
                return signing_in.complete(request, user, next=onward)
            wrong_passkey = True
            form = CodeForm(has_app=has_app)
        elif form.is_valid():
            try:
                if second_factors.accepts_code(user, form.cleaned_data["code"], at=timezone.now()):
                    return signing_in.complete(request, user, next=onward)
            except TooManyAttempts as error:
                return too_many_attempts(request, *error.args)
            form.add_error("code", _("This code is not accepted. An app's code works once; wait for the next one."))
    known = [bytes(factor.credential_id) for factor in factors if factor.credential_id]
    question = _asked(request, passkeys.ask_for(known)) if known and passkeys.are_possible() else None
    form.fields["code"].widget.attrs["autofocus"] = question is None
    words = {
        "account": user,
        "form": form,
        "question": question,
        "wrong_passkey": wrong_passkey,
        "unreadable": [factor for factor in factors if not factor.is_readable],  # type: ignore[attr-defined]
        "next": onward,
        "sign_in": with_next(sign_in_path(user.org), onward),
    }
    return render(request, "second_factor/give.html", words)


def _asked(request: HttpRequest, question: Question) -> str:
    """The options for the browser; the session keeps the challenge for one answer."""
    request.session[CHALLENGE] = base64.b64encode(question.challenge).decode()
    return question.options


def _challenge(request: HttpRequest) -> bytes | None:
    kept = request.session.pop(CHALLENGE, None)
    return base64.b64decode(kept) if kept else None


# --- The account's own pages ------------------------------------------------------------------------------------------

View = Callable[Concatenate[HttpRequest, User, P], HttpResponse]


def own_account(view: View[P]) -> Callable[..., HttpResponse]:
    """For pages about one's own factors; `account` is whose. Anonymous: sign in first.

    Support staff come here with the password alone until they have a first factor; then they have to give it.
    """

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        user: Any = request.user if request.user.is_authenticated else signing_in.half_signed(request)
        if user is None:
            return redirect(with_next(reverse("sign-in"), request.get_full_path()))
        if not request.user.is_authenticated and second_factors.has_one(user):
            return redirect(with_next(reverse("second-factor"), wanted(request)))
        try:
            return view(request, user, *args, **kwargs)
        except second_factors.SessionEnded:
            return redirect("sign-in")

    return guarded


def changing(view: View[P]) -> Callable[..., HttpResponse]:
    """Below `own_account`, for pages that change something: nobody who finds a browser open does that."""

    @wraps(view)
    def guarded(request: HttpRequest, account: User, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.user.is_authenticated and not is_recent(request):
            return sign_in_again(request, back=request.get_full_path())
        return view(request, account, *args, **kwargs)

    return guarded


@require_safe
@own_account
def factors(request: HttpRequest, account: User) -> HttpResponse:
    """What the account has; without any, what it could have, and for an owner on the way in also a way past it."""
    words = {
        "account": account,
        "factors": second_factors.factors_of(account),
        "codes": second_factors.recovery_codes_left(account),
        "passkeys_are_possible": passkeys.are_possible(),
        "is_compulsory": second_factors.is_compulsory(account),
        "next": wanted(request),
        "back": signing_in.landing(account),
    }
    return render(request, "second_factor/factors.html", words)


@sensitive_post_parameters("code")
@sensitive_variables("codes", "app")
@require_http_methods(["GET", "HEAD", "POST"])
@own_account
@changing
def add_app(request: HttpRequest, account: User) -> HttpResponse:
    """The key, as a QR code and as text; added once a code shows that the app has it."""
    app = _new_app(request)
    form = AppForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        code, name = form.cleaned_data["code"], form.cleaned_data["name"]
        try:
            codes = second_factors.add_app(user=account, app=app, code=code, name=name, cause=_cause(account))
        except second_factors.WrongCode:
            form.add_error("code", _("This is not the app's code now. Wait for the next one; the clock may differ."))
        except second_factors.TooManyFactors:
            form.add_error(None, _too_many())
        else:
            request.session.pop(NEW_APP, None)
            return _added(request, account, name, codes)
    issuer = f"Muster {account.org.name[:40]}" if account.org else "Muster"
    uri = totp.enrolment_uri(app.key, account=account.user_name, issuer=issuer)
    qr = segno.make(uri, error="l", boost_error=False).svg_data_uri(border=2, light="#fff")
    words = {"account": account, "form": form, "key": _grouped(app.key), "qr": qr, "next": wanted(request)}
    return render(request, "second_factor/add_app.html", words)


@sensitive_post_parameters("passkey")
@sensitive_variables("codes")
@require_http_methods(["GET", "HEAD", "POST"])
@own_account
@changing
def add_passkey(request: HttpRequest, account: User) -> HttpResponse:
    form = PasskeyForm(request.POST or None)
    if request.method == "POST":
        challenge = _challenge(request)
        if form.is_valid():
            name = form.cleaned_data["name"]
            try:
                passkey = passkeys.new_from(form.cleaned_data["passkey"], challenge or b"")
                codes = second_factors.add_passkey(user=account, passkey=passkey, name=name, cause=_cause(account))
            except NotAccepted:
                form.add_error(None, _("The passkey was not added. Try again."))
            except second_factors.KnownPasskey:
                form.add_error(None, _("This passkey was added before."))
            except second_factors.TooManyFactors:
                form.add_error(None, _too_many())
            else:
                return _added(request, account, name, codes)
    question = passkeys.ask_for_new(
        account=account.pk.bytes,
        name=account.user_name,
        label=account.label,
        known=second_factors.passkey_ids(account),
    )
    words = {"account": account, "form": form, "question": _asked(request, question), "next": wanted(request)}
    return render(request, "second_factor/add_passkey.html", words)


@sensitive_variables("made")
@require_http_methods(["GET", "HEAD", "POST"])
@own_account
@changing
def codes(request: HttpRequest, account: User) -> HttpResponse:
    """New recovery codes, instead of those of before."""
    if request.method == "POST":
        try:
            made = second_factors.new_recovery_codes(user=account, cause=_cause(account))
        except second_factors.NoFactors:
            return redirect("second-factors")
        return _shown_once(request, account, made)
    return render(request, "second_factor/new_codes.html", {"left": second_factors.recovery_codes_left(account)})


@require_http_methods(["GET", "HEAD", "POST"])
@own_account
@changing
def remove(request: HttpRequest, account: User, factor_id: UUID) -> HttpResponse:
    found = second_factors.factors_of(account)
    factor = next((each for each in found if each.id == factor_id), None)
    try:
        if factor is None:
            raise second_factors.UnknownFactor(factor_id)
        if request.method == "POST":
            second_factors.remove(user=account, factor_id=factor_id, cause=_cause(account))
            messages.success(request, _("“%(name)s” was removed.") % {"name": factor.name})
            return redirect("second-factors")
    except second_factors.UnknownFactor:
        messages.info(request, _("This second factor has been removed already."))
        return redirect("second-factors")
    except second_factors.LastFactor:
        messages.error(request, _("Support staff cannot be without a second factor. Add another one first."))
        return redirect("second-factors")
    words = {"account": account, "factor": factor, "is_last": len(found) == 1}
    return render(request, "second_factor/remove.html", words)


def _added(request: HttpRequest, account: User, name: str, codes: list[str]) -> HttpResponse:
    """Go on after a factor was added. The first one brings recovery codes, and whoever had to add it is signed in."""
    if not codes:
        messages.success(request, _("“%(name)s” was added.") % {"name": name})
        return redirect(with_next(reverse("second-factors"), wanted(request)))
    account.refresh_from_db(fields=["session_epoch"])
    if request.user.is_authenticated:
        update_session_auth_hash(request, account)
    else:
        signing_in.begin_session(request, account)
    return _shown_once(request, account, codes)


def _shown_once(request: HttpRequest, account: User, codes: list[str]) -> HttpResponse:
    """The recovery codes, which are nowhere else: not in the session, not in a URL."""
    words = {
        "text": "\n".join(codes),
        "count": len(codes),
        "onward": wanted(request) or reverse("second-factors"),
        "file": "data:text/plain;base64," + base64.b64encode(_as_text(account, codes).encode()).decode(),
    }
    return render(request, "second_factor/codes.html", words)


def _as_text(account: User, codes: list[str]) -> str:
    where = _("Recovery codes of %(account)s for Muster") % {"account": account.user_name}
    return "\n".join([where, "", *codes, ""])


def _new_app(request: HttpRequest) -> NewApp:
    """The app that is being set up in this session: the same again when the page is loaded again, as phones do."""
    if kept := request.session.get(NEW_APP):
        with suppress(Unreadable):  # SECRET_KEY has changed in the meantime: another key, then
            return NewApp.opened(UUID(kept[0]), kept[1])
    app = NewApp.make()
    request.session[NEW_APP] = [str(app.id), app.sealed]
    return app


def _grouped(key: str) -> str:
    return " ".join(key[place : place + 4] for place in range(0, len(key), 4))


def _too_many() -> str:
    words = _("%(most)d second factors are set up, and no more are possible. Remove one first.")
    return words % {"most": second_factors.MOST}


def _cause(account: User) -> Cause:
    return Cause(Door.PAGE, timezone.now(), person=account)
