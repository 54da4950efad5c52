"""What Prometheus is told, and what is made of it in deploy/."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.db import connection
from django.utils import timezone
from prometheus_client.metrics import MetricWrapperBase

from config import environment, metrics_server
from orgs import metrics
from orgs.models import Change, Organization
from tests.conftest import Idp
from tests.groups_provisioning.world import TEAM, map_to, push, push_user

DEPLOY = environment.ROOT / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
BOARD = json.loads((DEPLOY / "grafana" / "muster.json").read_text())
ALERTS = [rule["expr"] for group in RULES["groups"] for rule in group["rules"]]
LABELS = {each._name: set(each._labelnames) for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)}
PANELS = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]


def gauges() -> dict[str, float]:
    return {sample.name: sample.value for family in metrics_server.gauges() for sample in family.samples}


def told() -> set[str]:
    """The names of all samples there can be, but for those that only Prometheus adds."""
    types = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
    counted = {f"{each.name}{end}" for each in metrics.REGISTRY.collect() for end in types[each.type]}
    return counted | gauges().keys()


class TestTheGauges:
    def test_say_what_waits_and_for_how_long(self, idp: Idp, org: Organization) -> None:
        quiet = gauges()
        assert quiet["muster_database_up"] == quiet["muster_broker_up"] == 1
        assert quiet["muster_oldest_mark_seconds"] == quiet["muster_oldest_delivery_seconds"] == 0
        map_to(push(idp, "Platform", push_user(idp, "Ada Brandt")), TEAM)
        Change.objects.update(at=timezone.now() - timedelta(seconds=90))
        assert gauges()["muster_oldest_mark_seconds"] == pytest.approx(90, abs=10)
        assert gauges()["muster_oldest_feed_touch_seconds"] == pytest.approx(90, abs=10)

    def test_are_none_but_one_while_the_database_lacks_a_migration(self, db: None) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'orgs' AND name = '0031_feed'")
        assert gauges() == {"muster_database_up": 1, "muster_pending_migrations": 1}


class TestWhatProcessesHaveCounted:
    def test_is_added_up_and_outlives_them(self, tmp_path: Path) -> None:
        """In a process of its own, since where counts go is settled as the portal is imported."""
        script = """
import os, django
django.setup()
from prometheus_client import generate_latest
from config import metrics_server
from orgs import metrics
metrics.count_request("scim", "user.create", 201, 0.02, idp="okta")
for _ in range(3):
    if not (pid := os.fork()):
        metrics.count_request("scim", "user.create", 201, 0.02, idp="okta")
        os._exit(0)
    os.waitpid(pid, 0)
print(generate_latest(metrics_server.registry()).decode())
"""
        away = {"DATABASE_URL": "postgresql:///muster?host=/nonexistent", "MUSTER_VAR": str(tmp_path)}
        told = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, **away, "DJANGO_SETTINGS_MODULE": "config.settings", "METRICS_PORT": "9999"},
            cwd=environment.ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        labels = 'door="scim",endpoint="user.create",idp="okta",status="2xx"'
        assert f"muster_requests_total{{{labels}}} 4.0" in told
        assert 'muster_request_seconds_count{door="scim",endpoint="user.create"} 4.0' in told
        assert "muster_database_up 0.0" in told
        assert "muster_oldest" not in told
        assert {path.name for path in (tmp_path / "metrics").glob("*.lock")} == {"0.lock", "1.lock"}


class TestTheFilesForOperators:
    def test_ask_for_metrics_that_there_are_and_for_all_of_them(self, org: Organization) -> None:
        asked = set(re.findall(r"\bmuster_\w+", " ".join(ALERTS + PANELS)))
        assert asked <= told()
        families = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in told()}
        assert families == {re.sub(r"_(total|bucket)$", "", name) for name in asked}

    @pytest.mark.parametrize("expression", ALERTS + PANELS)
    def test_select_by_labels_that_the_metrics_have(self, expression: str) -> None:
        has = {"le", "queue", "job"}
        for name in re.findall(r"\bmuster_\w+", expression):
            has |= LABELS.get(re.sub(r"_(total|bucket)$", "", name), set())
        named = re.findall(r"by \(([\w, ]+)\)", expression) + re.findall(r"(\w+)[!=]~?\"", expression)
        assert {each for part in named for each in part.split(", ")} <= has

    @pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is part of Debian's package prometheus")
    def test_are_what_prometheus_understands(self, tmp_path: Path) -> None:
        panels = [expression.replace("$__rate_interval", "5m") for expression in PANELS]
        rules = [{"record": f"panel:{n}", "expr": expression} for n, expression in enumerate(panels)]
        (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
        files = [DEPLOY / "prometheus" / "alerts.yml", tmp_path / "panels.yml"]
        subprocess.run(["promtool", "check", "rules", *files], check=True, timeout=60)
