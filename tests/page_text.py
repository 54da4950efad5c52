"""What is read on a page."""

import html
import re
from typing import Any

from django.test import Client


def text(answer: Any, *, without: str = "") -> str:
    """The words of a page, one blank between them; without: elements that are left out with all that is in them."""
    return words(answer.content.decode(), without=without)


def words(source: str, *, without: str = "") -> str:
    """The same of a piece of HTML."""
    left_out = "|".join(["script", "style", "svg", *without.split()])
    body = re.sub(rf"<({left_out})\b.*?</\1>", " ", source, flags=re.DOTALL).replace("<wbr>", "")
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def text_at_first(answer: Any) -> str:
    """The words that are seen at first: without navigation, dialogs and details that are closed, and suggestions."""
    return text(answer, without="nav dialog details datalist")


def text_of(browser: Client, address: str) -> str:
    return text(browser.get(address))
