"""The pages about the API: its reference, and what each kind of problem means (SPEC E2)."""

import ast
import html
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.test import Client

from api import openapi
from api.problem_kinds import KINDS, name_of
from api.refusals import TOLD
from api.templatetags.prose import inline, prose
from groups_provisioning import refusals
from sso.refusals import Refused

API = Path(settings.BASE_DIR) / "api"


def raised_kinds() -> set[str]:
    """Every kind that the API raises: what `Problem(…, kind="…")` names, and refusals that are caught to be told."""
    found: set[str] = set()
    for file in API.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem":
                kinds = [each.value for each in node.keywords if each.arg == "kind"]
                found |= {each.value for each in kinds if isinstance(each, ast.Constant) and each.value}
            if isinstance(node, ast.ExceptHandler | ast.match_case) and "problems.refused(" in ast.unparse(node):
                caught = node.type if isinstance(node, ast.ExceptHandler) else getattr(node.pattern, "cls", None)
                found.add(name_of(type(ast.unparse(caught).rpartition(".")[2], (), {})))
    return found


class TestProblems:
    def test_that_are_raised_have_their_page(self) -> None:  # E2
        assert len(raised_kinds()) >= 5
        without = (Refused, ObjectDoesNotExist)  # of which TOLD says the kind, or that there is none
        told = {name_of(each) for each in (*refusals.REFUSALS, *TOLD) if not issubclass(each, without)}
        assert raised_kinds() | told <= KINDS.keys()

    def test_are_explained_where_their_type_leads(self, db: None) -> None:  # E2
        for name, kind in KINDS.items():
            answer = Client().get(f"/problems/{name}")
            text = html.unescape(answer.content.decode())
            assert answer.status_code == 200
            assert name in text
            assert kind.title in text
            assert not re.search(r"%\(\w", text), "a placeholder is left"

    def test_are_what_is_wrong_with_a_request_for_the_document_too(self) -> None:  # E2
        answer = Client().post("/api/v1/openapi.json")
        assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
        assert (answer.json()["status"], answer["Allow"]) == (405, "GET, HEAD")

    def test_that_there_are_not_have_no_page(self, db: None) -> None:
        assert Client().get("/problems/lost-marbles").status_code == 404


class TestTheReference:
    @pytest.fixture
    def page(self, db: None) -> str:
        answer = Client().get("/api/docs")
        assert answer.status_code == 200
        assert "unsafe" not in answer["Content-Security-Policy"]
        return html.unescape(answer.content.decode())

    def test_shows_every_operation_schema_and_problem(self, page: str) -> None:  # E2
        document = openapi.document()
        for path, item in document["paths"].items():
            for operation in item.values():
                assert f'id="{operation["operationId"]}"' in page
            assert path.replace("{org}", "$ORG").replace("{", "$").replace("}", "") in page
        for name in document["components"]["schemas"]:
            assert f'id="schema-{name}"' in page
        for kind in KINDS:
            assert f'href="/problems/{kind}"' in page

    def test_has_no_link_that_leads_nowhere_and_no_id_twice(self, page: str) -> None:
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(set(ids)) == len(ids)
        assert set(re.findall(r'href="(?:/api/docs)?#([^"]+)"', page)) <= set(ids)

    def test_needs_no_script_of_anybody_else(self, page: str) -> None:
        assert not re.search(r"<style|style=|<script>|onclick|https?://(?!testserver|localhost)[^\s\"]+\.js", page)


class TestProse:
    def test_escapes_what_is_no_markdown(self) -> None:
        assert inline("`a<b>` & **c**") == "<code>a&lt;b&gt;</code> &amp; <strong>c</strong>"

    def test_has_paragraphs_and_lists(self) -> None:
        text = "One\nand more.\n\n- two `x`\n  goes on\n- three"
        assert prose(text) == "<p>One and more.</p><ul><li>two <code>x</code> goes on</li><li>three</li></ul>"
