"""What docs/connect-your-product.md has programs do, in each of its languages (SPEC E3, E7)."""

import ast
import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.webhooks import messages
from api.webhooks.messages import Message
from tests.examples.portal import PROGRAM
from tests.processes import ROOT

DOCUMENT = (ROOT / "docs" / "connect-your-product.md").read_text()
SECRET, FORMER, OTHER = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 250, 3))


def block(language: str) -> str:
    """The first block in a language: it verifies signatures."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    return str(found[0])


PYTHON = """
import json, sys
from verify import verify
print(json.dumps([verify(secret, headers, body.encode()) for secret, headers, body in json.load(sys.stdin)]))
"""
JAVASCRIPT = """
import { readFileSync } from "node:fs";
import { verify } from "./verify.mjs";
const cases = JSON.parse(readFileSync(0));
console.log(JSON.stringify(cases.map(([secret, headers, body]) => verify(secret, headers, Buffer.from(body)))));
"""
GO = """
package main

import (
	"encoding/json"
	"net/http"
	"os"
)

func main() {
	var cases [][3]json.RawMessage
	json.NewDecoder(os.Stdin).Decode(&cases)
	answers := []bool{}
	for _, each := range cases {
		var secret, body string
		var named map[string]string
		json.Unmarshal(each[0], &secret)
		json.Unmarshal(each[1], &named)
		json.Unmarshal(each[2], &body)
		headers := http.Header{}
		for name, value := range named {
			headers.Set(name, value)
		}
		answers = append(answers, Verify(secret, headers, []byte(body)))
	}
	json.NewEncoder(os.Stdout).Encode(answers)
}
"""

LANGUAGES: dict[str, tuple[str, str, str, Callable[[str], list[str]]]] = {
    "python": ("verify.py", PYTHON, "main.py", lambda _: [sys.executable, "main.py"]),
    "javascript": ("verify.mjs", JAVASCRIPT, "main.mjs", lambda node: [node, "main.mjs"]),
    "go": ("verify.go", GO, "main.go", lambda go: [go, "run", "main.go", "verify.go"]),
}
INTERPRETERS = {"python": sys.executable, "javascript": "node", "go": "go"}


def signed(*secrets: str, ago: int = 0, **differs: str) -> dict[str, str]:
    """The headers of a message, as the portal sends it."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return messages.headers(Message("msg_1", BODY.encode()), secrets, at=at) | {
        name.replace("_", "-"): value for name, value in differs.items()
    }


BODY = '{"type": "changes", "who": "Zoë 🎈\u2028"}'


def cases() -> dict[str, tuple[bool, list[Any]]]:
    """Each with whether it is right; as of now."""
    return {
        "as it was sent": (True, [SECRET, signed(SECRET), BODY]),
        "by the new secret": (True, [SECRET, signed(SECRET, FORMER), BODY]),
        "by the former secret": (True, [FORMER, signed(SECRET, FORMER), BODY]),
        "by another secret": (False, [OTHER, signed(SECRET, FORMER), BODY]),
        "another body": (False, [SECRET, signed(SECRET), BODY + " "]),
        "another id": (False, [SECRET, signed(SECRET, webhook_id="msg_2"), BODY]),
        "another time": (
            False,
            [SECRET, signed(SECRET, ago=1) | {"webhook-timestamp": signed()["webhook-timestamp"]}, BODY],
        ),
        "four minutes old": (True, [SECRET, signed(SECRET, ago=240), BODY]),
        "six minutes old": (False, [SECRET, signed(SECRET, ago=360), BODY]),
        "of the future": (False, [SECRET, signed(SECRET, ago=-360), BODY]),
        "no time": (False, [SECRET, signed(SECRET, webhook_timestamp="soon"), BODY]),
        "a time beyond all bounds": (False, [SECRET, signed(SECRET, webhook_timestamp="9" * 5000), BODY]),
        "no signature": (False, [SECRET, signed(SECRET, webhook_signature=""), BODY]),
        "a strange signature": (False, [SECRET, signed(SECRET, webhook_signature="v1,é v2,x v1"), BODY]),
        "no headers": (False, [SECRET, {}, BODY]),
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_signature_is_verified(language: str, tmp_path: Path) -> None:  # E3
    interpreter = shutil.which(INTERPRETERS[language])
    if interpreter is None:
        pytest.skip(f"{language} is not installed")
    module, driver, main, command = LANGUAGES[language]
    (tmp_path / module).write_text(block(language))
    (tmp_path / main).write_text(driver)
    all_cases = cases()
    asked = json.dumps([case for _, case in all_cases.values()])
    answer = subprocess.run(
        command(interpreter), cwd=tmp_path, input=asked, check=True, stdout=subprocess.PIPE, text=True, timeout=100
    )
    found = dict(zip(all_cases, json.loads(answer.stdout), strict=True))
    assert found == {name: right for name, (right, _) in all_cases.items()}


def test_python_is_that_of_the_example() -> None:
    def verify(source: str) -> str:
        (found,) = (node for node in ast.parse(source).body if getattr(node, "name", "") == "verify")
        return str(ast.get_source_segment(source, found))

    assert verify(block("python")) == verify(PROGRAM.read_text())
