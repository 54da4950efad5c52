"""The commands of docs/backup.md, from one cluster into another."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from config import services
from orgs.db.sealed import seal
from orgs.models import FactorKind, Scope, SecondFactor
from tests import processes
from tests.api.consumer import key_of
from tests.docs.test_snippets import run
from tests.factories import OrganizationFactory, issue_token
from tests.groups_provisioning.world import entity, group, person, placed, settle_all
from tests.servers import ROOT

TOOLS = Path(services._postgres_binary("pg_dump")).parent

# What a client sees of a portal: of a person by SCIM, of the feed after a cursor; and a secret that was sealed.
ASK = """
import json, sys
from django.test import Client
from orgs.db.sealed import Unreadable, unseal
from orgs.models import SecondFactor

told = json.loads(sys.stdin.read())
scim = Client().get("/api/scim/Users", headers={"Authorization": "Bearer " + told["token"]})
feed = Client().get(told["feed"], headers={"Authorization": "Bearer " + told["key"]})
anew = Client().get(told["feed"].partition("&")[0], headers={"Authorization": "Bearer " + told["key"]})
factor = SecondFactor.objects.get()
try:
    secret = unseal(factor.key, owner=factor.pk)
except Unreadable:
    secret = None
said = {"scim": scim.json(), "feed": [feed.status_code, feed.json()], "anew": anew.json(), "secret": secret}
print(json.dumps(said))
"""


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty database in a cluster of its own, which is no copy of another one."""
    state = tmp_path_factory.mktemp("restored")
    state.parent.parent.chmod(0o711)
    state.parent.chmod(0o711)
    state.chmod(0o711)
    yield services.start(state, durable=False).database_url
    services.stop(state)
    shutil.rmtree(state)


def manage(*words: str, input: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
    command = (sys.executable, "manage.py", *words)
    environment = processes.environment(**variables)
    return subprocess.run(command, cwd=ROOT, env=environment, input=input, capture_output=True, text=True, timeout=110)


@pytest.mark.exhaustive  # eight processes, and a cluster
@pytest.mark.timeout(300)
def test_a_backup_is_restored_into_an_empty_cluster(
    live_server: LiveServer, cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = OrganizationFactory.create(slug="acme")
    ada = person(org, "Ada", "Lovelace")
    placed(org, entity(org, "Engineers"), ada)
    group(org, "Waiting", ada)
    settle_all()
    factor = SecondFactor(org=org, user=ada, kind=FactorKind.TOTP, last_step=0, made_at=timezone.now())
    factor.key = seal("GEZDGNBV", owner=factor.pk)
    factor.save()
    token, key = issue_token(org).secret, key_of(org, Scope.READ).secret
    page: dict[str, Any] = (
        Client()
        .get(f"/api/v1/organizations/{org.id}/changes?limit=1000", headers={"Authorization": f"Bearer {key}"})
        .json()
    )
    feed = f"/api/v1/organizations/{org.id}/changes?limit=1000&after={page['next']}"
    state = manage("export_state", "acme").stdout

    monkeypatch.setenv("PATH", f"{TOOLS}:{os.environ['PATH']}")
    run("docs/backup.md", live_server, tmp_path, RESTORED_URL=cluster)

    assert (tmp_path / "restored.json").read_text() == state
    question = json.dumps({"token": token, "key": key, "feed": feed})
    asked = manage("shell", "--verbosity=0", "-c", ASK, input=question, DATABASE_URL=cluster)
    told = json.loads(asked.stdout)
    assert [each["userName"] for each in told["scim"]["Resources"]] == [ada.user_name]
    status, problem = told["feed"]
    assert (status, problem["type"].rpartition("/")[2]) == (410, "resync-required")
    assert told["anew"]["epoch"] != page["epoch"]
    assert ids(told["anew"]) == ids(page)
    assert told["secret"] == "GEZDGNBV"

    check = ("check", "--database=default", "--fail-level=WARNING")
    other = manage(*check, DATABASE_URL=cluster, SECRET_KEY="another key, as of a portal that was set up anew")
    assert other.returncode == 1
    assert "muster.W004" in other.stderr
    assert "orgs_secondfactor.key (1)" in other.stderr


def ids(page: dict[str, Any]) -> set[str]:
    return {item["id"] for item in page["items"]}
