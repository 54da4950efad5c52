"""What is told of the API without a key: its OpenAPI document, and pages for people (SPEC E2)."""

from functools import cache
from importlib import import_module
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from api.base import told
from api.front import BASE
from api.problem_kinds import KINDS
from api.problems import Problem

SAFE = ("GET", "HEAD")


def _late(module: str) -> Any:
    """What makes the document imports much, and is not needed to serve the API."""
    return import_module(f"api.{module}")


def openapi(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document. Anybody may read it, from any page."""
    if request.method not in SAFE:
        detail = f'Method "{request.method}" not allowed.'
        return told(Problem(405, detail, headers={"Allow": ", ".join(SAFE)}))
    found = HttpResponse(_late("openapi").as_json(), content_type="application/json")
    found["Access-Control-Allow-Origin"] = "*"
    return found


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The same for people."""
    return HttpResponse(_docs())


@cache
def _docs() -> str:
    """The page, which is the same for everybody, and long."""
    words = {"reference": _late("reference").reference(), "document": f"{BASE}/openapi.json"}
    return render_to_string("api/docs.html", words)


@require_safe
def problem(request: HttpRequest, kind: str) -> HttpResponse:
    """What a kind of problem means: where the `type` of a problem leads."""
    if kind not in KINDS:
        raise Http404
    return render(request, "api/problem.html", {"name": kind, "kind": KINDS[kind]})
