"""What Docker, Compose and Helm make of deploy/, as JSON; run in an environment with requirements/manifests.txt.

Prints {"dockerfile": findings of hadolint, "compose": the refusal or "", "lint": errors and warnings of Helm,
"chart": manifests, "with_claim": manifests with a claim for receipts and a secret for migrations, "without_url": the
refusal}. Raises if a manifest does not fit Kubernetes' schemas.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import compose_spec  # type: ignore[import-not-found]
import helm_python as helm  # type: ignore[import-not-found]
import kubernetes_validate  # type: ignore[import-not-found]
import yaml

DEPLOY = Path(__file__).resolve().parent.parent.parent / "deploy"
KUBERNETES = "1.31"
INFO = 1  # of Helm's severities
URL = "https://muster.example.org:8443"


def dockerfile() -> list[Any]:
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [hadolint, "--format=json", "--no-fail", DEPLOY / "Dockerfile"]
    found: list[Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def compose() -> str:
    # Parsed here, since the library does not know the merges of YAML 1.1, which Docker does.
    document = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
    try:
        compose_spec.PyCompose.from_json(json.dumps(document))
    except ValueError as error:
        return str(error)
    return ""


def manifests(chart: Any, values: dict[str, Any]) -> list[Any]:
    rendered = chart.render(values, name="acme", namespace="prod")
    found = [each for text in rendered.values() for each in yaml.safe_load_all(text) if each]
    for each in found:
        kubernetes_validate.validate(each, KUBERNETES, strict=True)
    return found


def main() -> None:
    folder = str(DEPLOY / "helm" / "muster")
    with helm.Chart.load(folder) as chart:
        try:
            chart.render({}, name="acme")
            refusal = ""
        except helm.HelmRenderError as error:
            refusal = str(error)
        given = {"receiptsClaim": "receipts", "migrate": {"secret": "direct"}}
        values = {"url": URL, "env": {"SUPPORT_EMAIL": "support@example.org"}}
        json.dump(
            {
                "dockerfile": dockerfile(),
                "compose": compose(),
                "lint": [each for each in helm.lint(folder, {"url": URL})["messages"] if each["severity"] > INFO],
                "chart": manifests(chart, values),
                "with_claim": manifests(chart, values | given),
                "without_url": refusal,
            },
            sys.stdout,
        )


if __name__ == "__main__":
    main()
