"""A bearer token for SCIM servers that leave it to the project around them who may ask: one SELECT for each request."""

import hashlib
from collections.abc import Callable

from django.contrib.auth import get_user_model
from django.db import connection
from django.http import HttpRequest, HttpResponse


class Bearer:
    """Whoever has a token is a superuser, which is what these servers ask for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        secret = request.META.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM bearer WHERE digest = %s", [hashlib.sha256(secret.encode()).digest()])
            if cursor.fetchone():
                request.user = get_user_model()(is_superuser=True)
        return self.get_response(request)
