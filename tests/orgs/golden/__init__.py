"""Changes as they were ever stored, and what is read in them: change_details.json.

One example of every shape of every verb. Examples are added and never altered, like the rows that they stand for.
older: what a shape lacks that today's has. words, also: what was done, and what else was. about: the ids by which it is
found. marked: how many were to be settled. rule: by which the mapping `…d1` came about, as pattern type and pattern.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("change_details.json")
LEAD = "00000000-0000-7000-8000-0000000000"
ADA, BO, ENGINEERING, PLATFORM, POOL, LAB, MAPPING, OTHER_MAPPING, INVITATION, LINK = (
    LEAD + end for end in ("a1", "a2", "b1", "c1", "c2", "c3", "d1", "d2", "e1", "f2")
)


@dataclass(frozen=True, kw_only=True)
class Example:
    verb: str
    detail: dict[str, Any]
    words: str
    older: str = ""
    also: list[str] = field(default_factory=list)
    about: list[str] = field(default_factory=list)
    marked: int = 0
    rule: list[str] | None = None

    def __str__(self) -> str:
        return f"{self.verb}-{self.words}"


EXAMPLES = [Example(**each) for each in json.loads(FILE.read_text())]
