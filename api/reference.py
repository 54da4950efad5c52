"""The OpenAPI document as a page for people shows it: sections of operations, and what they take and give."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from api import openapi
from api.problem_kinds import KINDS, Kind

SECTIONS = ("Organizations", "People", "Teams", "Concurrency groups", "Sub-organizations", "Groups")
"""Those that come first; the others follow by name."""

ID = "0199a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"  # in examples


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of the words for a type; schema: what it names, if it does."""

    text: str
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A parameter, or a member of an object."""

    name: str
    type: list[Piece]
    is_required: bool
    text: str
    choices: list[str]
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    text: str
    type: list[Piece]


@dataclass(frozen=True, slots=True)
class Shown:
    """An operation. body: the members of what is sent. problems: kinds that only some operations have."""

    id: str
    method: str
    path: str
    summary: str
    text: str
    parameters: list[Member]
    body: list[Member]
    answers: list[Answer]
    problems: list[str]
    example: str

    @property
    def lines(self) -> int:
        return self.example.count("\n") + 1


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    operations: list[Shown]

    @property
    def id(self) -> str:
        return self.name.lower().replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Schema:
    name: str
    text: str
    members: list[Member]
    alternatives: list[Piece]


@dataclass(frozen=True, slots=True)
class Reference:
    about: str
    server: str
    sections: list[Section]
    schemas: list[Schema]
    kinds: Mapping[str, Kind]


def reference() -> Reference:
    """Raises openapi.Undescribed."""
    document = openapi.document()
    schemas = document["components"]["schemas"]
    (server,) = document["servers"]
    shown = sorted(_operations(document), key=lambda each: _order(each[0]))
    return Reference(
        about=document["info"]["description"],
        server=server["url"],
        sections=[
            Section(name, [operation for _, operation in group])
            for name, group in groupby(shown, key=lambda each: each[0])
        ],
        schemas=[
            Schema(
                name, schema.get("description", ""), _members(schema), [p for p in _words(schema) if "oneOf" in schema]
            )
            for name, schema in sorted(schemas.items())
        ],
        kinds=KINDS,
    )


def _order(section: str) -> tuple[int, str]:
    return (SECTIONS.index(section) if section in SECTIONS else len(SECTIONS), section)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Shown]]:
    schemas = document["components"]["schemas"]
    (server,) = document["servers"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            body = _content(operation.get("requestBody", {}))
            sent = schemas[_name(body)] if body and "$ref" in body else body or {}
            yield (
                operation["tags"][0],
                Shown(
                    id=operation["operationId"],
                    method=method.upper(),
                    path=path,
                    summary=operation["summary"],
                    text=operation.get("description", ""),
                    parameters=[_parameter(each) for each in operation.get("parameters", ())],
                    body=_members(sent),
                    answers=[
                        Answer(status, answer.get("description", ""), _words(_content(answer)))
                        for status, answer in operation["responses"].items()
                        if status < "400"
                    ],
                    problems=operation["x-problems"],
                    example=_example(method.upper(), server["url"] + path, sent, schemas),
                ),
            )


def _content(part: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an answer or a body; nothing where it has none."""
    for content in part.get("content", {}).values():
        schema: dict[str, Any] = content["schema"]
        return schema
    return {}


def _parameter(parameter: Mapping[str, Any]) -> Member:
    schema = parameter["schema"]
    text = parameter.get("description", "")
    if schema.get("default") not in (None, False):
        text += f" Without it, {schema['default']}."
    return Member(
        parameter["name"],
        _words(schema),
        parameter.get("required", False),
        text,
        schema.get("enum", []),
        parameter["in"],
    )


def _members(schema: Mapping[str, Any]) -> list[Member]:
    required = schema.get("required", ())
    return [
        Member(name, _words(each), name in required, each.get("description", ""), _choices(each))
        for name, each in schema.get("properties", {}).items()
    ]


def _choices(schema: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in schema.get("enum", schema.get("items", {}).get("enum", ())) if each is not None]


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


_TYPES = {"string": "text", "integer": "number", "number": "number", "boolean": "true or false", "object": "object"}
_FORMATS = {"uuid": "id", "date-time": "time", "uri": "address", "email": "mail address"}


def _words(schema: Mapping[str, Any]) -> list[Piece]:
    """What a schema is called: `list of Person`, `id or null`."""
    if "$ref" in schema:
        return [Piece(_name(schema), _name(schema))]
    if "allOf" in schema:
        return _words(schema["allOf"][0])
    if "oneOf" in schema:
        found = [piece for each in schema["oneOf"] for piece in (Piece(" or "), *_words(each))]
        return found[1:]
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else list(types)
    if "array" in types:
        words = [Piece("list of "), *_words(schema.get("items", {}))]
    else:
        names = [_FORMATS.get(schema.get("format", ""), _TYPES.get(each, each)) for each in types if each != "null"]
        words = [Piece(" or ".join(names))]
    return [*words, Piece(" or null")] if "null" in types else words


def _example(method: str, address: str, sent: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """A call with curl."""
    address = address.replace("{org}", "$ORG").replace("{", "$").replace("}", "")
    call = "curl" if method == "GET" else f"curl -X {method}"
    lines = [f'{call} -H "Authorization: Bearer $KEY"']
    if sent.get("format") == "binary":
        lines += ['-H "Content-Type: text/csv"', "--data-binary @people.csv"]
    elif sent:
        body = {
            name: _sample(each, schemas)
            for name, each in sent.get("properties", {}).items()
            if name in sent.get("required", sent["properties"])
        }
        lines += ['-H "Content-Type: application/json"', f"-d '{json.dumps(body)}'"]
    return " \\\n  ".join([*lines, f'"{address}"'])


def _sample(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """A value that a schema allows."""
    if "$ref" in schema:
        found = schemas[_name(schema)]
        return {name: _sample(each, schemas) for name, each in found.get("properties", {}).items()}
    for several in ("oneOf", "allOf"):
        if several in schema:
            return _sample(schema[several][0], schemas)
    if "enum" in schema:
        return schema["enum"][0]
    type_ = schema.get("type", "object")
    match type_ if isinstance(type_, str) else type_[0]:
        case "array":
            return [_sample(schema.get("items", {}), schemas)]
        case "boolean":
            return True
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "string":
            return {"uuid": ID, "date-time": "2026-01-31T12:00:00Z", "email": "ada@corp.example"}.get(
                schema.get("format", ""), "…"
            )
    return {}
