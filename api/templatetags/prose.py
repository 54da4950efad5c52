"""The little Markdown of the API's descriptions, as HTML: paragraphs, lists, `code` and **strong**."""

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def prose(text: str) -> SafeString:
    """Blocks with an empty line between them; one that begins with a dash is a list."""
    return mark_safe("".join(_block(block) for block in re.split(r"\n\s*\n", text.strip()) if block))  # noqa: S308


@register.filter
def inline(text: str) -> SafeString:
    """A paragraph without its element."""
    told = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(text.split())))
    return mark_safe(re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", told))  # noqa: S308 - it is escaped


def _block(block: str) -> str:
    if not block.startswith("- "):
        return f"<p>{inline(block)}</p>"
    _, *points = re.split(r"^- ", block, flags=re.MULTILINE)
    return f"<ul>{''.join(f'<li>{inline(point)}</li>' for point in points)}</ul>"
