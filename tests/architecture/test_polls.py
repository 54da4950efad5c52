"""Parts of pages that reload themselves replace themselves, wherever they stand."""

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).resolve().parent.parent.parent / "templates"
# A tag with its attributes, in which template tags may contain what would end it.
TAG = re.compile(r"<[a-z][^<>{]*(?:\{%.*?%\}[^<>{]*|\{\{.*?\}\}[^<>{]*)*>")
BY_ITSELF = re.compile(r'hx-trigger="[^"]*\b(?:every|load|revealed|intersect)\b')


def reloading() -> list[tuple[str, str]]:
    """The elements of all templates that fetch without anybody doing anything, each with its template."""
    return [
        (str(path.relative_to(TEMPLATES)), tag)
        for path in sorted(TEMPLATES.rglob("*.html"))
        for tag in TAG.findall(path.read_text())
        if BY_ITSELF.search(tag)
    ]


@pytest.mark.parametrize(("template", "tag"), reloading(), ids=[template for template, _ in reloading()])
def test_what_reloads_by_itself_names_its_target(template: str, tag: str) -> None:
    """htmx would take the target of a form around it, and put the answer there."""
    assert "hx-target=" in tag


def test_no_reloading_element_is_overlooked() -> None:
    found = [BY_ITSELF.findall(path.read_text()) for path in TEMPLATES.rglob("*.html")]
    assert sum(map(len, found)) == len(reloading())
