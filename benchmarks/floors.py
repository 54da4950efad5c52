"""The minimum that a Django REST Framework view can do for the same responses; Muster's figures are compared with it.

Each looks a bearer token up. R: one row read by its primary key. W: one row inserted. Plain SQL, without models.
"""

import hashlib
from typing import Any

from django.db import connection
from django.urls import path
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orgs.db.keys import uuid7
from orgs.web import in_flight

# As many callers as there are, all of one org.
in_flight.requests.waiting = in_flight.requests.all_waiting = 100
in_flight.requests.seconds = 60


def one(sql: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


class Bearer(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, Any]:
        secret = request.META["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
        digest = hashlib.sha256(secret.encode()).digest()
        (org_id,) = one("SELECT org_id FROM orgs_scimtoken WHERE digest = %s", digest)
        return org_id, secret


class Floor(APIView):
    authentication_classes = [Bearer]
    permission_classes = []
    renderer_classes = [JSONRenderer]


class Read(Floor):
    def get(self, request: Request, user_id: str) -> Response:
        found = one("SELECT id, user_name, active FROM orgs_user WHERE org_id = %s AND id = %s", request.user, user_id)
        return Response({"id": found[0], "userName": found[1], "active": found[2]})


class Write(Floor):
    def post(self, request: Request) -> Response:
        id_, name = one(
            "INSERT INTO orgs_change (id, org_id, at, door, verb, detail) VALUES (%s, %s, %s, 'scim', %s, '{}') "
            "RETURNING id, verb",
            *(uuid7(), request.user, timezone.now(), dict(request.data)["userName"][:50]),
        )
        return Response({"id": id_, "userName": name}, status=201)


urlpatterns = [path("floor/read/<str:user_id>", Read.as_view()), path("floor/write", Write.as_view())]
