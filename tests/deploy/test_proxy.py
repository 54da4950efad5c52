"""The proxies in front: what they let through fits what the portal accepts."""

import re
from typing import Any

import pytest
from django.conf import settings

from config.web_worker import WebWorker
from tests.deploy.processes import DEPLOY, ROOT

CONFIGURED = (DEPLOY / "compose" / "nginx.conf").read_text()
RECOMMENDED = re.search(r"```nginx\n(.*?)```", (ROOT / "docs" / "configuration.md").read_text(), re.DOTALL)


def directives(text: str) -> dict[str, str]:
    """By name, those that differ between locations left out."""
    lines = re.findall(r"^\s*(\w+)\s+([^;{]+);", re.sub(r"#.*", "", text), re.MULTILINE)
    return {f"{name} {value.split()[0]}" if name == "proxy_set_header" else name: value for name, value in lines}


@pytest.mark.parametrize("name", sorted(directives(RECOMMENDED[1]) if RECOMMENDED else ()))
def test_the_proxy_of_compose_does_what_the_manual_recommends(name: str) -> None:
    if name not in ("listen", "server_name", "proxy_pass"):
        assert directives(CONFIGURED)[name] == directives(RECOMMENDED[1] if RECOMMENDED else "")[name]


def test_the_proxy_of_compose_accepts_what_the_portal_accepts() -> None:
    found = directives(CONFIGURED)
    assert int(found["client_max_body_size"].removesuffix("m")) * 1024 * 1024 == settings.SCIM_MAX_BODY
    assert float(found["client_body_timeout"].removesuffix("s")) <= WebWorker.body
    assert found["proxy_request_buffering"] == found["proxy_buffering"] == "on"


def test_it_compresses_no_page() -> None:
    blocks = re.findall(r"location (\S+) \{([^}]*)\}", CONFIGURED)
    assert [path for path, block in blocks if "gzip on" in block] == ["/static/"]
    assert CONFIGURED.count("gzip on") == 1


def test_the_ingress_of_the_chart_does_the_same(manifests: dict[str, Any]) -> None:
    (ingress,) = (each for each in manifests["chart"] if each["kind"] == "Ingress")
    said = {name.split("/")[1]: value for name, value in ingress["metadata"]["annotations"].items()}
    found = directives(CONFIGURED)
    assert said["proxy-body-size"] == found["client_max_body_size"]
    assert f"{said['proxy-read-timeout']}s" == found["proxy_read_timeout"]
    assert said["proxy-request-buffering"] == said["proxy-buffering"] == "on"
