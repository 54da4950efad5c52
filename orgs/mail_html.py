"""The HTML part of a mail, made of its text, so that both say the same (SPEC N3).

Styles are inline, and the only colors are those that can be read on white and on black: programs that show mails in
dark choose the others themselves (`color-scheme`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

_ADDRESS = re.compile(r"https?://\S+")


@dataclass(slots=True)
class Item:
    """A point of a list: its first line, where that leads, and what else it says."""

    title: str
    link: str = ""
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Block:
    """A paragraph, of which the end may be a link; or a list.

    text: before the link. label, link: what leads where.
    """

    text: str = ""
    label: str = ""
    link: str = ""
    items: list[Item] = field(default_factory=list)


def made_of(text: str, *, subject: str) -> SafeString:
    """An HTML document.

    text: paragraphs with blank lines between them. Lines that begin with "- " are the points of a list, which go on in
    lines that begin with spaces; an address there is where the point leads. An address on a line of its own is where
    the sentence before it leads, and alone at the very end the foot.
    """
    blocks = list(_blocks(text))
    foot = blocks.pop().link if blocks and blocks[-1].label == blocks[-1].link != "" else ""
    words = {"subject": subject, "heading": subject.removeprefix("Muster: "), "blocks": blocks, "foot": foot}
    return render_to_string("orgs/mail.html", words)


def _blocks(text: str) -> Iterator[Block]:
    for chunk in re.split(r"\n\s*\n", text.strip()):
        lines: list[str] = []
        items: list[Item] = []
        for line in chunk.splitlines():
            if line.startswith("- ") or (items and line.startswith("  ")):
                if lines:
                    yield Block(" ".join(lines))
                    lines = []
                _add(items, line)
                continue
            if items:
                yield Block(items=items)
                items = []
            if _ADDRESS.fullmatch(line.strip()):
                before, dot, sentence = " ".join(lines).rpartition(". ")
                yield Block(before + dot, sentence.removesuffix(":") or line.strip(), line.strip())
                lines = []
            elif line.strip():
                lines.append(line.strip())
        if lines:
            yield Block(" ".join(lines))
        if items:
            yield Block(items=items)


def _add(items: list[Item], line: str) -> None:
    said = line[2:].strip()
    if line.startswith("- "):
        items.append(Item(said))
    elif _ADDRESS.fullmatch(said):
        items[-1].link = said
    elif said:
        items[-1].lines.append(said)
