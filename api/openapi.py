"""The OpenAPI document of the API (SPEC E2), made of what views declare with `describes`.

drf-spectacular is imported here alone, and this module is when somebody first asks for the document.
"""

import re
from collections.abc import Collection, Mapping
from functools import cache
from importlib import import_module
from typing import Any, cast

import orjson
from django.conf import settings
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.permissions import SAFE_METHODS
from rest_framework.views import APIView

from api import problems
from api.base import ApiView, OrgView
from api.description import Operation
from api.front import BASE
from api.problem_kinds import KINDS
from api.proposals import ProposalState
from api.serializers import FEED_ITEMS, CommandQuery, Foreseen, HistoryItem, PageQuery, Progress, Rehearsal

ABOUT = """
People, teams, concurrency groups, sub-organizations and groups of organizations as they are now, why they are so, and
what is to be changed. Everything is JSON. A key goes into `Authorization: Bearer …`; one of an organization sees that
alone, and one of the operator all of them. What is not there, and what is another organization's, are both `404`.

- **Names that are not known are refused**, in parameters and in bodies, so that nothing is lost silently. In answers,
  ignore members that you do not know: new ones are added.
- **Lists are read page by page**: ask again with `after` set to the `next` of the page before, while `has_more`.
- **To follow what changes**, read the feed (`/organizations/{org}/changes`) and keep its cursor, rather than lists.
- **A key has a rate**: the headers `RateLimit-Policy` and `RateLimit` say how much is left. `429` and `503` say in
  `Retry-After` after how many seconds to try again.
- **Errors are problem details** (RFC 9457): programs tell them apart by `type`, which leads to its explanation.
""".strip()

PATH_PARAMETERS = {
    "org": "The id of the organization.",
    "person": "The id of the person, which is the one that SCIM gives.",
    "group": "The id of the group, which is the one that SCIM gives.",
    "entity": "The id of the team, concurrency group or sub-organization.",
    "mapping": "The id of the mapping.",
    "held": "The id of what is held.",
    "invitation": "The id of the invitation.",
    "preview": "The id of the preview.",
    "proposal": "The id of the proposal.",
    "rule": "The id of the rule.",
    "webhook": "The id of the webhook.",
    "token": "The id of the token.",
    "key": "The id of the key.",
    "link": "The id of the setup link.",
    "deletion": "The id of the deletion.",
    "name": "The name of the domain.",
    "import_id": "The id of the import.",
}

IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `ETag` of a preview: carry this out only if exactly what it said would still come of it.",
)
BESIDES = {
    Rehearsal: "With `preview=true`: what would be changed.",
    Foreseen: "With `preview=true`: what would come of it.",
    ProposalState: "Or, where the organization has two persons decide: what waits for a second admin now.",
}
ANYWHERE = (401, 403, 404, 429, 503)
OF_ANY = ("invalid-value", "invalid-json", "insufficient-scope")
"""The problems that every operation may have: statuses, and kinds; `invalid-json` where there is a body."""

MEANINGS = {
    400: "A parameter or the body is not right.",
    401: "The key is missing, mistyped, expired or revoked.",
    403: "The key may not do this.",
    404: "It is not there, or not for this key.",
    409: "It is refused as things are now.",
    410: "The cursor is of another time.",
    412: "Things have changed since the preview.",
    413: "The body is too large.",
    415: "The body is not `application/json`.",
    429: "Too many requests at once, or in a minute.",
    503: "The portal's database is away.",
}


class Undescribed(Exception):
    """A handler says nothing of itself, see `api.description`."""


class _Described(AutoSchema):
    """Reads the `Operation` of a handler where drf-spectacular would guess."""

    @property
    def operation(self) -> Operation:
        operation = getattr(getattr(self.view, self.method.lower()), "operation", None)
        if operation is None:
            raise Undescribed(f"{self.method} {self.path}: {type(self.view).__name__}")
        return operation

    def get_operation_id(self) -> str:
        words = re.findall(r"[A-Za-z]+", self.get_summary())
        first, *others = (word for word in words if word not in ("a", "an", "the"))
        return first.lower() + "".join(word[0].upper() + word[1:] for word in others)

    def get_summary(self) -> str:
        is_operators = isinstance(self.view, OrgView) and "{org}" not in self.path
        return self.operation.summary + (" of the operator" if is_operators else "")

    def get_description(self) -> str:  # type: ignore[override]
        view = cast(ApiView, self.view)
        handler = getattr(view, self.method.lower())
        words = " ".join((handler.__doc__ or "").split())
        scope = view.scope if self.method in SAFE_METHODS else view.writes
        return f"{words}\n\nNeeds the scope `{scope.value}`.".strip()

    def get_tags(self) -> list[str]:
        return [_tag(self.path)]

    def get_override_parameters(self) -> list[Any]:
        query = self.operation.query
        foresees = self.operation.foresees
        previewed = [CommandQuery] if self.operation.previews or foresees else []
        return [*([query] if query else []), *previewed, *([IF_MATCH] if foresees else [])]

    def get_request_serializer(self) -> Any:
        file = {"type": "string", "format": "binary"}
        return self.operation.body or dict.fromkeys(self.operation.file, file) or None

    def get_response_serializers(self) -> Any:
        raise NotImplementedError  # see _get_response_bodies

    def get_extensions(self) -> dict[str, Any]:
        return {"x-problems": [kind for kind in self._kinds() if kind not in OF_ANY]}

    def map_parsers(self) -> list[str]:
        return ["application/json"]

    def map_renderers(self, attribute: str) -> list[str]:
        return ["application/json"] if attribute == "media_type" else []

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False  # lists are objects that have `items`

    def _postprocess_serializer_schema(self, schema: Any, serializer: Any, direction: Any) -> Any:
        """What a docstring says of a member goes to the member: `roles, teams: of inactive people none.`"""
        schema = super()._postprocess_serializer_schema(schema, serializer, direction)
        if "properties" in schema:
            said, of_members = _told_apart(schema.pop("description", ""), schema["properties"])
            for name, text in of_members.items():
                member = schema["properties"][name]
                member["description"] = "\n\n".join(filter(None, (text, member.get("description"))))
            if said:
                schema["description"] = said
        return schema

    def _resolve_path_parameters(self, variables: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = super()._resolve_path_parameters(variables)
        return [each | {"description": PATH_PARAMETERS.get(each["name"], "")} for each in found]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        operation = self.operation
        answers = dict(operation.answers) | ({202: Progress} if operation.foresees else {})
        found = {}
        for status, form in sorted(answers.items()):
            said = OpenApiResponse(form, description=_DONE.get(status, "Done."))
            found[str(status)] = self._get_response_for_code(said, str(status))
        previewed = {Rehearsal: operation.previews, Foreseen: operation.foresees}
        besides = [("200", form) for form, is_told in previewed.items() if is_told]
        for status_of, form in [*besides, *([("202", ProposalState)] if operation.asks else [])]:
            said = OpenApiResponse(form, description=BESIDES[form])
            other = self._get_response_for_code(said, status_of)
            found[status_of] = _either(found[status_of], other) if status_of in found else other
        for answer in found.values():
            answer["headers"] = {
                name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit", "RateLimit-Policy")
            }
        for status, kinds in sorted(self._problems().items()):
            found[str(status)] = _problem(status, kinds)
        return found

    def _kinds(self) -> list[str]:
        """The kinds of problems that it may have."""
        query, body = self.operation.query, self.operation.body
        kinds = [kind for kind in OF_ANY if kind != "invalid-json" or body]
        if query and issubclass(query, PageQuery):
            kinds.append("cursor-mismatch")
        if self.operation.foresees:
            kinds.append("outdated")
        if self.operation.previews:
            kinds.append("no-fingerprint")
        if self.operation.asks:
            kinds.append("too-many-proposals")
        return [*kinds, *self.operation.problems]

    def _problems(self) -> dict[int, list[str]]:
        """By status; those that any operation may have, and its own."""
        found: dict[int, list[str]] = {status: [] for status in ANYWHERE}
        if self.operation.body or self.operation.file:
            found |= {413: [], 415: []}
        for kind in self._kinds():
            found.setdefault(KINDS[kind].status, []).append(kind)
        return found


_ABOUT_MEMBERS = re.compile(r"(?:^|(?<=[.;] ))(\w+(?:, \w+)*): ")


def _told_apart(docstring: str, members: Collection[str]) -> tuple[str, dict[str, str]]:
    """What a docstring says of the whole, and of each member."""
    first, *others = _ABOUT_MEMBERS.split(" ".join(docstring.split()))
    said, of_members = first.strip(), {}
    for names, text in zip(others[::2], others[1::2], strict=True):
        told = text.strip().removesuffix(";").removesuffix(".") + "."
        for name in names.split(", "):
            if name not in members:
                raise Undescribed(f"{name} is no member: {docstring}")
            of_members[name] = told[0].upper() + told[1:]
    return said, of_members


_DONE = {200: "", 201: "It is made.", 202: "It is begun.", 204: "It is done."}


def _either(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The answer is one or the other."""
    schemas = []
    for each in (one, other):
        schema = each["content"]["application/json"]["schema"]
        schemas += schema.get("oneOf", [schema])
    text = f"{one['description']} {other['description']}".strip()
    return one | {"description": text, "content": {"application/json": {"schema": {"oneOf": schemas}}}}


def _problem(status: int, kinds: list[str]) -> dict[str, Any]:
    told = "".join(f"\n- `{kind}`: {KINDS[kind].title}." for kind in kinds)
    answer: dict[str, Any] = {
        "description": MEANINGS[status] + (f" Kinds:\n{told}" if told else ""),
        "content": {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return answer


def _tag(path: str) -> str:
    """What the path is about: its first part, or the one after the org's id."""
    name = path.removeprefix("/organizations/{org}/").strip("/").split("/")[0]
    return name.replace("-", " ").capitalize().replace("Sub o", "Sub-o")


class _Key(OpenApiAuthenticationExtension):
    target_class = "api.base.Bearer"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        text = "A key of an organization or of the operator: `mst_…`. `manage.py issue_api_key` makes one."
        return {"type": "http", "scheme": "bearer", "description": text}


class _AnyItem(OpenApiSerializerExtension):
    target_class = "api.serializers.AnyItem"

    def get_name(self, auto_schema: AutoSchema, direction: Any) -> str:
        return "Item"

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        found = {kind: auto_schema.resolve_serializer(form, direction).ref for kind, form in FEED_ITEMS.items()}
        mapping = {kind: ref["$ref"] for kind, ref in found.items()}
        return {"oneOf": [*found.values()], "discriminator": {"propertyName": "kind", "mapping": mapping}}


class _AnyHistory(OpenApiSerializerExtension):
    target_class = "api.serializers.AnyHistory"

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        native = auto_schema.resolve_serializer(HistoryItem, direction).ref
        event = {"type": "object", "required": ["class_uid", "type_uid", "metadata"], "additionalProperties": True}
        return {"oneOf": [native, event]}


class _Object(OpenApiSerializerFieldExtension):
    target_class = "api.serializers.Object"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": True}


class _Objects(OpenApiSerializerFieldExtension):
    target_class = "api.serializers.Objects"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "object", "additionalProperties": True}}


class _Generator(SchemaGenerator):
    def create_view(self, callback: Any, method: str, request: Any = None) -> APIView:
        view: APIView = super().create_view(callback, method, request)
        assert isinstance(view, ApiView)
        schema = _Described()
        self.schemas_storage.append(schema)
        view.schema = schema
        return view


PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {
            "type": "string",
            "format": "uri",
            "description": "What programs tell it by, and its explanation; `about:blank` where the status says it all.",
        },
        "title": {"type": "string", "description": "The same in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong this time, and what to do."},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "By parameter or member of the body, what is wrong with it.",
        },
    },
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": True,
}
HEADERS = {
    "RateLimit": ("string", "What is left of the rate, and after how many seconds all of it is there again."),
    "RateLimit-Policy": ("string", "The rate of the key: requests, and seconds."),
    "Retry-After": ("integer", "Seconds after which to try again."),
}


@cache
def document() -> Mapping[str, Any]:
    """The document. Raises Undescribed."""
    generator = _Generator(patterns=import_module("api.urls").urlpatterns)
    made: dict[str, Any] = generator.get_schema(public=True)
    _plain(made)
    made["info"] = {"title": "Muster API", "version": "1", "description": ABOUT}
    made["servers"] = [{"url": f"{settings.MUSTER_URL}{BASE}"}]
    made["components"]["schemas"]["Problem"] = PROBLEM
    made["components"]["headers"] = {
        name: {"description": text, "schema": {"type": type_}} for name, (type_, text) in HEADERS.items()
    }
    return made


def _plain(part: Any) -> None:
    """Without what drf-spectacular leaves for its own hooks."""
    if isinstance(part, dict):
        part.pop("x-spec-enum-id", None)
    for each in part.values() if isinstance(part, dict) else part:
        if isinstance(each, dict | list):
            _plain(each)


@cache
def as_json() -> bytes:
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2)
