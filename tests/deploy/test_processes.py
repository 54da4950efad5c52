"""Compose, the chart and systemd start what `make up` starts, with variables that the portal knows."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery.bin.base import CLIContext
from celery.bin.celery import celery
from django.core.management import get_commands, load_command_class
from gunicorn.config import Config  # type: ignore[import-untyped]

from api.webhooks import deliveries
from config import environment, gunicorn, supervisor
from config.celery import app
from tests.deploy import processes
from tests.deploy.processes import NAMES, Process

SECRET = "abcdefghijklmnopqrstuvwxyz-0123456789"
WAYS = ("compose", "chart", "systemd")
NEEDED = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "EMAIL_URL"}

each_way = pytest.mark.parametrize("way", WAYS)
each_process = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def installed(way: str, request: pytest.FixtureRequest) -> dict[str, Process]:
    """Every process of one way to install the portal."""
    if way == "chart":
        return processes.in_chart(request.getfixturevalue("manifests")["chart"], frozenset(keys_of_the_secret()))
    return processes.in_compose() if way == "compose" else processes.in_systemd()


def keys_of_the_secret() -> list[str]:
    """The files that the manual has an operator make into a Secret."""
    manual = (processes.ROOT / "docs" / "operating.md").read_text().replace("\\\n", " ")
    (line,) = (line for line in manual.splitlines() if "create secret generic muster " in line)
    return [part.split("=")[1] for part in shlex.split(line) if part.startswith("--from-literal=")]


class Asked(dict[str, str]):
    """An environment that notes which variables are asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return default

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return False


def known() -> set[str]:
    """Every variable of config.environment, and those of Python and gunicorn."""
    asked = Asked()
    environment.read(asked)
    return asked.names | {"WEB_CONCURRENCY", "PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}


def arguments(command: tuple[str, ...]) -> tuple[str, ...]:
    """A command without what says where things are."""
    shell = " ".join(command).replace("python -m celery", "celery").replace("python -m gunicorn", "gunicorn")
    return tuple(part for part in shell.split() if not part.startswith("--schedule="))


class TestVariables:
    @each_way
    @each_process
    def test_are_ones_that_the_portal_reads(self, installed: dict[str, Process], name: str) -> None:
        assert set(installed[name].variables) - known() == set()

    @each_way
    @each_process
    def test_make_a_portal_behind_one_proxy(self, installed: dict[str, Process], name: str, tmp_path: Path) -> None:
        process = installed[name]
        given = {key: value for key, value in process.variables.items() if key != "MUSTER_SECRETS"}
        for secret in process.secrets:
            (tmp_path / secret).write_text(SECRET)
        env = environment.read({**given, "MUSTER_SECRETS": str(tmp_path)})
        assert env.url.startswith("https://")
        assert env.trusted_proxies == 1
        assert not env.dev
        assert None not in (env.database_url, env.redis_url, env.secret_key, env.email_url)
        assert env.receipts.is_absolute()
        assert env.var not in env.receipts.parents
        # In a container the proxy is elsewhere; beside it on a machine, nobody else may come past it.
        assert env.bind == ("0.0.0.0" if "/opt/venv" in given.get("PATH", "") else "127.0.0.1")

    @each_way
    @each_process
    def test_hold_no_secret(self, installed: dict[str, Process], name: str) -> None:
        process = installed[name]
        assert process.secrets <= set(environment.SECRETS)
        assert NEEDED - process.secrets <= {"REDIS_URL"}
        assert set(process.variables) & NEEDED <= {"REDIS_URL"}
        assert "@" not in process.variables.get("REDIS_URL", "")


class TestCommands:
    @each_way
    def test_are_those_of_make_up(self, installed: dict[str, Process], way: str) -> None:
        assert set(installed) == set(NAMES)
        env = environment.read({"MUSTER_VAR": "/var/lib/muster"})
        config = str(processes.ROOT / "config" / "gunicorn.py")
        for job in supervisor.children_of(env):
            expected = tuple(part.replace(config, "config/gunicorn.py") for part in ("python", *job.command[1:]))
            assert arguments(installed[job.name].command) == arguments(expected)

    @each_way
    @each_process
    def test_parse(self, installed: dict[str, Process], name: str) -> None:
        program, *rest = installed[name].command
        if program == "gunicorn":
            parsed = Config().parser().parse_args(rest)
            assert (processes.ROOT / parsed.config).is_file()
            assert parsed.args == ["config.wsgi"]
        elif program == "celery":
            with celery.make_context("celery", rest) as outer:
                outer.obj = CLIContext(app=app, no_color=True, workdir=None, quiet=True)
                called, command, options = celery.resolve_command(outer, [*outer._protected_args, *outer.args])
                assert command
                with command.make_context(called, options, parent=outer) as inner:
                    assert not inner.args
        else:
            assert program == "python"
            assert (processes.ROOT / rest[0]).is_file()
            command_class = load_command_class(get_commands()[rest[1]], rest[1])
            command_class.create_parser(*rest[:2]).parse_args(rest[2:])

    @each_way
    def test_may_finish_what_they_do(self, installed: dict[str, Process], way: str) -> None:
        notice = 5 if way == "chart" else 0  # what preStop waits
        assert installed["web"].grace > gunicorn.graceful_timeout + notice
        assert installed["webhooks"].grace > deliveries.SECONDS
        assert installed["worker"].grace > 30  # statement_timeout


class TestTheSecretOfTheChart:
    def test_has_what_its_values_say(self) -> None:
        assert set(keys_of_the_secret()) == NEEDED
        text = (processes.DEPLOY / "helm" / "muster" / "values.yaml").read_text()
        assert yaml.safe_load(text)["secret"] == "muster"
        assert all(name in text for name in NEEDED)
