"""The CPU time that SCIM itself takes: `python -m benchmarks.protocol`. Best of many rounds."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config import services

USERS, ROUNDS = 100, 200


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        state = Path(folder)
        addresses = services.start(state)
        os.environ |= {
            "DATABASE_URL": addresses.database_url,
            "REDIS_URL": addresses.redis_url,
            "MUSTER_VAR": str(state),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": "ERROR",
        }
        try:
            measure()
        finally:
            services.stop(state)


def measure() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from benchmarks import portal

    call_command("migrate", verbosity=0)
    for profile in ("standard", "lambdatest"):
        org = portal.filled(profile, USERS)
        whole, fetched = best(lambda org=org: portal.page(org)), best(lambda org=org: portal.rows(org))
        print(f"{profile}, microseconds of CPU:")
        print(f"  a user read, checked, and written: {best(lambda org=org: portal.in_and_out(org)):.0f}, 60 wanted")
        print(f"  and made columns: {best(lambda org=org: portal.columns(org)):.0f}")
        print(f"  a page of {USERS} users: {whole - fetched:.0f}, 3000 wanted")
        print(f"  and its {portal.queries(org)} queries and the ORM: {fetched:.0f}")


def best(work: Callable[[], Any]) -> float:
    """Microseconds of CPU."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time_ns()
        work()
        times.append(time.process_time_ns() - started)
    return min(times) / 1000


if __name__ == "__main__":
    main()
