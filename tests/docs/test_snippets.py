"""Every command and every program in the documents does what it is there for, on a portal that the test starts.

The commands of a document are run one after the other, as by somebody who follows it, in one shell that stops at the
first one that fails. A block that cannot be run here has a comment before it that says why: `<!-- not run: … -->`.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.management import call_command
from pytest_django.live_server_helper import LiveServer

from docs.from_code import ROOT
from groups_provisioning.models import Import, PushedGroup
from orgs import guarded_http
from orgs.models import Scope, User
from tests import processes
from tests.api.consumer import key_of
from tests.examples.portal import free_port
from tests.factories import OrganizationFactory, issue_token

FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FILES += [ROOT / "examples" / "consumer" / "README.md"]

FENCE = re.compile(r"^(?:<!-- not run: (?P<why>[^>]+) -->\n)?```(?P<language>\S*)\n(?P<text>.*?)^```$", re.M | re.S)
SHELLS = ("sh", "bash", "shell", "console")

SHELL = ["bash", "-euo", "pipefail", "-c"]
# A refusal fails, and what was left running in the background ends with the document.
FIRST = """
curl() { command curl --fail-with-body --silent --show-error --max-time 60 "$@"; }
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
"""


class Block(NamedTuple):
    """why: it is not run; empty if it is."""

    language: str
    text: str
    why: str


def blocks(path: Path) -> list[Block]:
    unindented = re.sub(r"^  (?=<!-- not run|```|\S)", "", path.read_text(), flags=re.MULTILINE)
    return [Block(found["language"], found["text"], found["why"] or "") for found in FENCE.finditer(unindented)]


BLOCKS = {str(path.relative_to(ROOT)): blocks(path) for path in FILES}
COMMANDS = {
    name: "".join(block.text for block in found if block.language in SHELLS and not block.why)
    for name, found in BLOCKS.items()
}


def run(document: str, at: LiveServer, where: Path, receiver_port: str = "9443", **variables: str) -> str:
    """What the commands of a document print, run where they find the portal's commands and examples."""
    for name in ("manage.py", "examples"):
        if not (where / name).exists():
            (where / name).symlink_to(ROOT / name)
    script = FIRST + COMMANDS[document].replace("http://localhost:8000", at.url).replace("9443", receiver_port)
    environment = processes.environment(MUSTER_URL=at.url, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    done = subprocess.run(
        [*SHELL, script], cwd=where, env=environment | variables, timeout=110, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def portal(live_server: LiveServer, settings: Any) -> LiveServer:
    settings.MUSTER_URL = live_server.url
    return live_server


@pytest.fixture
def receiver_port(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A free port, at which the portal may reach the receiver of the documents, whose certificate it trusts."""
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.1/32")]
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "receiver.pem"))
    guarded_http._tls.cache_clear()
    yield str(free_port())
    guarded_http._tls.cache_clear()


class TestCommands:
    def test_of_the_readme_make_ada_a_member_of_a_group(
        self, portal: LiveServer, settings: Any, tmp_path: Path
    ) -> None:
        settings.MUSTER_VAR = tmp_path
        call_command("seed_demo")
        printed = run("README.md", portal, tmp_path)
        ada = User.objects.get(user_name="ada@corp.example")
        assert ada.org == PushedGroup.objects.get(display_name="Team Engines").org
        assert f'{{"id":"{ada.id}","deleted":false' in printed

    def test_of_connecting_a_product_read_the_feed_and_set_it_up(
        self, portal: LiveServer, receiver_port: str, tmp_path: Path
    ) -> None:
        org = OrganizationFactory()
        document = "docs/connect-your-product.md"
        (csv,) = (block.text for block in BLOCKS[document] if block.text.startswith("userName,"))
        (tmp_path / "people.csv").write_text(csv)
        verify, receiver = (block.text for block in BLOCKS[document] if block.language == "python")
        (tmp_path / "receiver.py").write_text(f"{verify}\n\n{receiver}".replace("9443", receiver_port))
        key = key_of(None, *Scope).secret
        printed = run(document, portal, tmp_path, receiver_port, MUSTER_KEY=key, ORGANIZATION=str(org.id))
        assert "whsec_" in printed
        assert 'verified {"type":"test"' in printed
        assert Import.objects.for_org(org).count() == 1

    @pytest.mark.exhaustive  # tests/examples runs the same programs
    def test_of_the_example_keep_a_copy(self, portal: LiveServer, tmp_path: Path) -> None:
        assert "Ada" in run("examples/consumer/README.md", portal, tmp_path)

    @pytest.mark.exhaustive
    def test_of_siem_print_the_history_as_events(self, portal: LiveServer, tmp_path: Path) -> None:
        org = OrganizationFactory()
        issue_token(org, name="Okta")
        run("docs/siem.md", portal, tmp_path)
        (event,) = map(json.loads, (tmp_path / "muster.ndjson").read_text().splitlines())
        assert (event["class_name"], event["metadata"]["tenant_uid"]) == ("Entity Management", str(org.id))
        cursor = (tmp_path / "cursor").read_text()
        run("docs/siem.md", portal, tmp_path)
        assert (tmp_path / "cursor").read_text() == cursor
        assert len((tmp_path / "muster.ndjson").read_text().splitlines()) == 1

    def test_of_no_other_document_are_left_out(self) -> None:
        others = {"README.md", "docs/backup.md", "docs/connect-your-product.md", "docs/siem.md"}
        others.add("examples/consumer/README.md")
        assert {name for name, commands in COMMANDS.items() if commands} == others


@pytest.mark.parametrize(
    "document", [name for name, found in BLOCKS.items() if any(b.language == "python" for b in found)]
)
def test_programs_in_python_can_be_imported(document: str) -> None:
    for block in BLOCKS[document]:
        if block.language == "python":
            exec(compile(block.text, document, "exec"), {"__name__": "snippet"})


def test_every_block_says_what_language_it_is_in() -> None:
    assert {name for name, found in BLOCKS.items() if any(not block.language for block in found)} <= DRAWINGS


DRAWINGS = {"docs/architecture.md"}
"""Documents with pictures made of letters."""


@pytest.mark.parametrize("document", BLOCKS)
def test_no_command_stands_outside_of_a_block(document: str) -> None:
    text = FENCE.sub("", (ROOT / document).read_text())
    assert (
        re.findall(r"^    (?:\./manage\.py|manage\.py|curl|make|python3?|pip|[A-Z_]+=)\b.*$", text, re.MULTILINE) == []
    )


def test_a_reason_names_tests_that_exist() -> None:
    reasons = [block.why for found in BLOCKS.values() for block in found if block.why]
    assert len(reasons) > 5
    named = [test for why in reasons for test in re.findall(r"tests/[\w/]+\.py", why)]
    assert [test for test in named if not (ROOT / test).is_file()] == []
