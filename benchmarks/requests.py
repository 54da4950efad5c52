"""SCIM requests compared with their floors, on a real server: `make benchmark`.

One gunicorn process answers one client at a time, over one connection; the kinds of request alternate in short rounds,
so that a slowdown of the machine affects all of them. A ratio is the floor's median time divided by Muster's: 100 %
would be as fast as the minimum that Django REST Framework can do.
"""

import statistics
from collections.abc import Callable

from benchmarks.portal import Client, portal

ROUNDS, REQUESTS, USERS = 30, 25, 10_000
READS, WRITES = ("read", "lookup"), ("create", "deactivate")


def main() -> None:
    with portal() as muster, muster.web() as client:
        report(measure(client))


def person(number: int) -> dict:
    name = f"person{number}@corp.example"
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "externalId": f"00u{number}",
        "name": {"givenName": "Ada", "familyName": f"Lovelace {number}"},
        "emails": [{"value": name, "type": "work", "primary": True}],
        "active": True,
    }


def measure(client: Client) -> dict[str, list[float]]:
    """Seconds per request, by kind."""
    ids = [client("POST", "/api/scim/Users", person(number))[1]["id"] for number in range(USERS // 10)]
    patch = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
    fresh = iter(range(USERS, 10**9))

    def deactivate(number: int) -> tuple[float, dict]:
        active = (number // len(ids)) % 2 == 1
        operations = [{"op": "replace", "path": "active", "value": active}]
        body = {"schemas": [patch], "Operations": operations}
        return client("PATCH", f"/api/scim/Users/{ids[number % len(ids)]}", body)

    lookup = "/api/scim/Users?filter=userName%20eq%20%22person{}@corp.example%22"
    kinds: dict[str, Callable[[int], tuple[float, dict]]] = {
        "floor R": lambda number: client("GET", f"/floor/read/{ids[number % len(ids)]}"),
        "read": lambda number: client("GET", f"/api/scim/Users/{ids[number % len(ids)]}"),
        "lookup": lambda number: client("GET", lookup.format(number % len(ids))),
        "floor W": lambda number: client("POST", "/floor/write", person(number)),
        "create": lambda number: client("POST", "/api/scim/Users", person(next(fresh))),
        "deactivate": deactivate,
    }
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    number = 0
    for round_ in range(ROUNDS + 2):
        for kind, send in kinds.items():
            for _ in range(REQUESTS):
                took, _ = send(number)
                number += 1
                if round_ >= 2:  # the first rounds warm up
                    times[kind].append(took)
    return times


def report(times: dict[str, list[float]]) -> None:
    medians = {kind: statistics.median(took) for kind, took in times.items()}
    print(f"{'request':<12}{'median ms':>10}{'p95 ms':>9}{'of floor':>10}")
    for kind, took in times.items():
        floor = "floor R" if kind in READS else "floor W" if kind in WRITES else kind
        p95 = statistics.quantiles(took, n=20)[18]
        print(f"{kind:<12}{medians[kind] * 1000:>10.2f}{p95 * 1000:>9.2f}{medians[floor] / medians[kind]:>10.0%}")


if __name__ == "__main__":
    main()
