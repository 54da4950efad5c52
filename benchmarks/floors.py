"""The minimum that a Django REST Framework view can do for the same responses; Muster's figures are compared with it.

R: a bearer token looked up, a row read, JSON rendered. W: a bearer token looked up, a row inserted.
"""

import hashlib
from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orgs.db.keys import uuid7
from orgs.models import ScimToken, User
from orgs.web import in_flight

# As many callers as there are, all of one org.
in_flight.requests.waiting = in_flight.requests.all_waiting = 100
in_flight.requests.seconds = 60


class Bearer(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, ScimToken]:
        secret = request.META["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
        token = ScimToken.objects.select_related("org").get(digest=hashlib.sha256(secret.encode()).digest())
        return token.org, token


class Floor(APIView):
    authentication_classes = [Bearer]
    permission_classes = []
    renderer_classes = [JSONRenderer]


class Read(Floor):
    def get(self, request: Request, user_id: str) -> Response:
        user = User.objects.get(org=request.user, id=user_id)
        return Response({"id": str(user.id), "userName": user.user_name, "active": user.active})


class Write(Floor):
    def post(self, request: Request) -> Response:
        now = timezone.now()
        name = f"floor-{uuid7()} {request.data['userName']}"
        user = User.objects.create(org=request.user, user_name=name, created_at=now, modified_at=now)
        return Response({"id": str(user.id), "userName": user.user_name}, status=201)


urlpatterns = [path("floor/read/<str:user_id>", Read.as_view()), path("floor/write", Write.as_view())]
