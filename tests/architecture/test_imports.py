"""What a process has to import before it can work, which it then keeps in memory for as long as it runs."""

import subprocess
import sys

from config.environment import ROOT

CODE = """
import sys
from config.celery import app
app.loader.import_default_modules()
print(*sys.modules)
"""
ELSEWHERE = {"webauthn", "cbor2", "OpenSSL", "gunicorn", "playwright", "pytest"}
"""What a worker has no use for. How many modules it imports says little: that depends on what else is installed."""


def test_a_worker_imports_no_library_that_it_has_no_use_for() -> None:
    answer = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, check=True, capture_output=True, text=True)
    imported = set(answer.stdout.split())
    assert "orgs.second_factors" in imported, "this is not what a worker imports"
    assert not ELSEWHERE & imported
