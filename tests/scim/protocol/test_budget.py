"""What a request may cost is counted and bounded (SPEC S9), and never in the way of a deactivation (SPEC U4)."""

from typing import Any

import pytest

from scim.protocol import evaluate
from scim.protocol.apply import apply_patch
from scim.protocol.budget import COMPARISONS, Budget
from scim.protocol.patch import read_patch
from scim.protocol.resources import Outcome

from .profiles import lambdatest, standard

EMAILS = [{"value": f"e{n}@x.example", "type": f"t{n}"} for n in range(1000)]
STORED = {"userName": "u@corp.example", "active": True, "emails": EMAILS}
NOBODY = " or ".join(f'value eq "zz{n:02}"' for n in range(99))
DEACTIVATE = {"op": "replace", "path": "active", "value": False}


def patched(*operations: dict[str, Any], budget: Budget | None = None) -> Outcome:
    return apply_patch(read_patch({"Operations": list(operations)}, standard.user), standard.user, STORED, budget)


ATTACKS = {
    "paths": [{"op": "remove", "path": f"emails[{NOBODY}].display"}] * 30,
    "keys": [{"op": "replace", "value": {f"emails[{NOBODY}{n * ' '}].display": "x" for n in range(30)}}],
    "added again": [{"op": "add", "path": "emails", "value": EMAILS}] * 20,
    "removed by value": [{"op": "remove", "path": "emails", "value": EMAILS[:1]}] * 30,
    "into what nobody described": [
        {"op": "add", "path": "urn:acme:x:1.0:y", "value": [{"n": n} for n in range(1000)]} for _ in range(30)
    ],
}


@pytest.mark.parametrize("operations", ATTACKS.values(), ids=ATTACKS)
def test_work_beyond_the_budget_is_refused_and_not_done(operations, monkeypatch):
    done = 0

    def counted(*given: Any) -> bool:
        nonlocal done
        done += 1
        return False

    monkeypatch.setattr(evaluate, "_holds", counted)
    refused = [refusal.error for refusal in patched(*operations, budget=Budget(9000)).refusals]
    assert 413 in {error.status for error in refused}
    assert str(COMPARISONS) in next(error.detail for error in refused if error.status == 413)
    assert done <= 9000


@pytest.mark.parametrize("operations", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_a_deactivation_beside_it_is_carried_out(operations, first):  # U4
    told = [DEACTIVATE, *operations[:20]] if first else [*operations[:20], DEACTIVATE]
    outcome = patched(*told, budget=Budget(5000))
    assert outcome.resource["active"] is False
    assert 413 in {refusal.error.status for refusal in outcome.refusals}


def test_a_deactivation_among_too_many_keys_is_carried_out():  # U4
    keys = {f"urn:acme:x:1.0:y{n}": "x" for n in range(1001)}
    outcome = patched({"op": "replace", "value": {**keys, "active": False}})
    assert outcome.resource["active"] is False
    assert outcome.refusals[0].error.status == 413


def test_operations_of_one_bulk_request_share_a_budget():
    budget = Budget()
    operation = {"op": "remove", "path": f"emails[{NOBODY}].display"}
    outcomes = [patched(operation, budget=budget) for _ in range(4)]
    assert [bool(outcome.refusals) for outcome in outcomes] == [False, False, True, True]


@pytest.mark.parametrize("kind", [standard.user, lambdatest.user], ids=["standard", "lambdatest"])
def test_what_real_clients_send_is_far_below_it(kind):
    budget = Budget()
    mails = [{"value": f"e{n}@x.example", "type": "work"} for n in range(20)]
    operations = [
        {"op": "replace", "path": f'emails[value eq "e{n % 20}@x.example"].display', "value": f"E {n}"}
        for n in range(1000)
    ]
    outcome = apply_patch(read_patch({"Operations": operations}, kind), kind, {**STORED, "emails": mails}, budget)
    assert outcome.refusals == ()
    assert budget.left > 0.8 * COMPARISONS
