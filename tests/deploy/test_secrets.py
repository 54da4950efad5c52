"""What deploy/compose/make-secrets makes."""

import shutil
import subprocess
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from config import environment
from tests.deploy.processes import DEPLOY, compose


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return Path(shutil.copy(DEPLOY / "compose" / "make-secrets", tmp_path))


def test_it_makes_what_the_compose_file_names_but_for_mails(script: Path) -> None:
    subprocess.run([script], check=True, capture_output=True)
    made = script.parent / "secrets"
    assert {f"secrets/{path.name}" for path in made.iterdir()} | {"secrets/EMAIL_URL"} == {
        secret["file"] for secret in compose()["secrets"].values()
    }
    env = environment.read({"MUSTER_SECRETS": str(made)})
    assert env.secret_key
    assert env.database_url
    database = conninfo_to_dict(env.database_url)
    assert database["password"] == (made / "POSTGRES_PASSWORD").read_text().strip()
    service = compose()["services"]["postgres"]["environment"]
    assert (database["user"], database["dbname"]) == (service["POSTGRES_USER"], service["POSTGRES_DB"])
    assert database["host"] == "postgres"
    assert made.stat().st_mode & 0o077 == 0


def test_it_keeps_what_is_there(script: Path) -> None:
    (script.parent / "secrets").mkdir()
    assert subprocess.run([script], capture_output=True).returncode == 1
    assert list((script.parent / "secrets").iterdir()) == []
