"""The CPU time of SCIM processing alone: `python -m benchmarks.protocol`. Best of many rounds."""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.portal import servers

USERS, ROUNDS = 100, 200


def main() -> None:
    with servers() as environment:
        os.environ |= environment
        measure()


def measure() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from benchmarks import resources

    call_command("migrate", verbosity=0)
    for profile in ("standard", "lambdatest"):
        org = resources.filled(profile, USERS)
        whole, fetched = best(partial(resources.page, org)), best(partial(resources.fetched, org))
        print(f"{profile}, microseconds of CPU:")
        print(f"  a user read, checked, and written: {best(partial(resources.in_and_out, org)):.0f}, 60 wanted")
        print(f"  and made columns: {best(partial(resources.columns, org)):.0f}")
        print(f"  a page of {USERS} users: {whole - fetched:.0f}, 3000 wanted")
        print(f"  and its {resources.queries(org)} queries: {fetched:.0f}")


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
