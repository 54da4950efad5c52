"""The site for support staff at /admin/."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.http import urlencode
from unfold.sites import UnfoldAdminSite

from orgs.web.access import SignInTooOld, sign_in_again

# django-unfold evaluates Alpine expressions with eval and sets inline styles; the rest is as strict as elsewhere.
CONTENT_SECURITY_POLICY = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}


class SupportSite(UnfoldAdminSite):
    """django-unfold's site with its own content security policy, entered through the portal's sign-in page."""

    empty_value_display = "–"

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        guarded = super().admin_view(view, cacheable)

        @wraps(view)
        def asking(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                return guarded(request, *args, **kwargs)
            except SignInTooOld as error:
                return sign_in_again(request, back=error.back)

        return csp_replace(CONTENT_SECURITY_POLICY)(asking)

    def extra_urls(self) -> list[URLPattern]:
        """Pages that join all apps; unfold's hook."""
        from scim.support_desk import pages  # when the apps are ready

        return pages.urls()

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        # The sidebar already lists everything.
        return redirect("admin:find")

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # Which app has a table is nothing that support has to know.
        return redirect("admin:find")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        # Django's page lets the present password be guessed without a limit.
        return redirect("account-password")

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        wanted = request.GET.get("next") or reverse("admin:index")
        return redirect(f"{reverse('sign-in')}?{urlencode({'next': wanted})}")
