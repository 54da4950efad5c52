import json, re, time
from io import StringIO
import pytest
from django.core.management import call_command
from django.test import Client
from groups_provisioning.actions import conflict_decisions, entity_edits
from groups_provisioning.actions.conflict_decisions import Card
from groups_provisioning.engine.resolution import *
from groups_provisioning.models import Conflict, GroupMapping, MappingRule, StartingRule, Status
from orgs import organizations
from orgs.models import Organization, User, SchemaProfile
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, UserFactory, OwnerFactory, issue_token
from tests.groups_provisioning.world import *
from tests.groups_provisioning.engine.test_resolution import tie as rtie, world as rworld, places as rplaces
from tests.page_text import text, text_of, text_at_first
from orgs.models import Standing

OUT = open("/tmp/x/out2.txt", "a")


def say(*a):
    print(*a, file=OUT, flush=True)


DECIDE = "/groups/conflicts/decide/"


@pytest.fixture
def browser(org):
    u = UserFactory.create(
        org=org,
        user_name="mo@corp.example",
        given_name="Mo",
        family_name="Adler",
        roles=["Admin"],
        manual_roles=["Admin"],
    )
    return signed_in(u)


def sent(shown):
    fields = re.findall(r'<input type="hidden" name="(\w+)"[^>]* value="([^"]*)"', shown.content.decode())
    return {n: v for n, v in fields if n != "csrfmiddlewaretoken"}


def decide(browser, action, **chosen):
    shown = browser.post(DECIDE, {"action": action, **chosen})
    t = text(shown)
    k = t.find("?")
    say("   shown:", t[max(0, k - 80) : k + 350])
    return browser.post(DECIDE, sent(shown), follow=True)


def four(org, names):
    ada = person(org, "Ada", "Lovelace")
    kinds = {"Sub": SUB, "Team": TEAM}
    for n in names:
        tie(group(org, f"g-{n}", ada), entity(org, n, kinds.get(n, POOL)))
        settle(ada)
    return ada


def card(name):
    return Conflict.objects.get(incoming__entity__name=name)


def state(ada):
    return places(ada), {
        c.incoming.entity.name: sorted(GroupMapping.objects.get(id=h).entity.name for h in c.holders)
        for c in Conflict.objects.all()
    }


@pytest.mark.parametrize("last", ["keep", "use"])
def test_1a(org, browser, last):
    ada = four(org, ["Sub", "Team", "Pool1", "Pool2"])
    decide(browser, f"use:{card('Pool2').id}")
    say("1a after use Pool2", state(ada))
    decide(browser, f"{last}:{card('Sub').id}")
    say("1a after", last, "Sub", state(ada))


def test_1b(org, browser):
    ada = four(org, ["Sub", "Team", "Pool2", "Pool3"])
    decide(browser, "use", conflict=[card("Team").id, card("Pool3").id])
    say("1b after bulk", state(ada))
    decide(browser, f"use:{card('Sub').id}")
    say("1b after use Sub", state(ada))


def test_2(org, browser):
    ada = person(org, "Ada", "Lovelace")
    tie(group(org, "g-A", ada), entity(org, "A", SUB))
    settle(ada)
    tie(group(org, "g-B", ada), entity(org, "B", TEAM))
    settle(ada)
    c = Conflict.objects.get()
    decide(browser, f"keep:{c.id}")
    say("2 before", state(ada))
    page = text_of(browser, f"/people/{ada.id}/")
    i = page.find("take")
    for m in re.finditer("Decided|resolve the conflict|Resolved|takes precedence", page):
        say("4a page:", page[max(0, m.start() - 150) : m.end() + 200])
    organizations.change(org=org, wishes={"sub_organizations": False}, cause=by_command())
    org.refresh_from_db()
    settle_marked(org)
    settle(ada)
    say("2 sub off", state(ada))
    ada.refresh_from_db()
    page = text_of(browser, f"/people/{ada.id}/")
    say("2 page", page[page.find("Assign") :][:1800])
    g = org.pushed_groups.get(display_name="g-A")
    page = text_at_first(browser.get(f"/groups/{g.id}/"))
    say("2 group page", page[:1500])


def test_2_yield_page(org, browser):
    ada = person(org, "Ada", "Lovelace")
    tie(group(org, "g-A", ada), entity(org, "A", POOL))
    settle(ada)
    organizations.change(org=org, wishes={"concurrency_groups": False}, cause=by_command())
    org.refresh_from_db()
    settle_marked(org)
    tie(group(org, "g-S", ada), entity(org, "S", SUB))
    ada.refresh_from_db()
    settle(ada)
    say("2b", state(ada))
    page = text_of(browser, f"/people/{ada.id}/")
    say("2b page", page[page.find("Assign") :][:1800])


def test_never_placed():
    person_ = Person(groups=[("gold", 1), ("silver", 2)], decisions=[Decision("mGold", "mSilver", 3)])
    facts = rworld(gold=rtie(POOL, "Gold"), silver=rtie(POOL, "Silver", fell_back=20))
    say("never_placed before", rplaces(resolve(person_, facts)))
    person_.groups = [("silver", 2)]
    say("never_placed after leaving gold", rplaces(resolve(person_, facts)))


def test_kind_off_hands():
    p = Person(hands=[Hand("Gold", POOL, True), Hand("T", TEAM, True)])
    f = rworld()
    f.kinds = {POOL: (), TEAM: (), SUB: ()}
    say("hands of kinds off", rplaces(resolve(p, f)))
    p = Person(groups=[("g", 1), ("s", 2)], hands=[Hand("Gold", POOL, False)])
    say("removal of claimed", rplaces(resolve(p, rworld(g=rtie(POOL, "Gold"), s=rtie(POOL, "Silver")))))
    # several held places
    f = rworld(g=rtie(POOL, "Gold", fell_back=20), s=rtie(POOL, "Silver", fell_back=21))
    say("several held", resolve(Person(groups=[("g", 1), ("s", 2)]), f))
    f = rworld(g=rtie(POOL, "Gold"), s=rtie(POOL, "Silver"))
    ds = [Decision("mSilver", "mGold", 9), Decision("mGold", "mSilver", 9)]
    say(
        "one instant",
        rplaces(resolve(Person(groups=[("g", 1), ("s", 2)], decisions=ds), f)),
        rplaces(resolve(Person(groups=[("g", 1), ("s", 2)], decisions=ds[::-1]), f)),
    )
    f = rworld(p1=rtie(POOL, "P1"), x=rtie(POOL, "X"), y=rtie(POOL, "Y"))
    p = Person(
        groups=[("p1", 1), ("x", 2), ("y", 3)],
        decisions=[Decision("mX", "mP1", 9), Decision("mY", "mX", 10), Decision("mY", "mP1", 10)],
    )
    say("leave_moves all", rplaces(resolve(p, f)))
    p.groups = [("p1", 1), ("y", 3)]
    say("leave x", rplaces(resolve(p, f)))
    p = Person(groups=[("p1", 1), ("x", 2), ("y", 3)], decisions=[Decision("mX", "mP1", 9), Decision("mY", "mX", 10)])
    say("leave_moves (holders only) all", rplaces(resolve(p, f)))
    p.groups = [("p1", 1), ("y", 3)]
    say("leave x", rplaces(resolve(p, f)))


def test_map(org, browser):
    idp = idp_of(org)
    entity(org, "EMEA", SUB)
    entity(org, "APAC", SUB)
    rule(org, "sub-", SUB)
    g = push(idp, "sub-EMEA")
    m = only(g)
    say("map: mapping", m.status, m.reason, m.entity)
    a = browser.get(f"/mappings/{m.id}/approve/")
    h = a.content.decode()
    say(
        "map approve",
        text(a)[-900:] if False else re.findall(r'name="name"[^>]*value="([^"]*)"|value="([^"]*)"[^>]*name="name"', h),
        re.findall(r"<option[^>]*>", h),
        "will be created" in text(a),
    )
    t = text_at_first(a)
    i = t.find("Approve the mapping")
    say(t[i : i + 500])


@pytest.mark.parametrize("opts", [("--enable-all",), ()])
def test_f6(db, opts):
    p = SchemaProfile.objects.get(key="testomat")
    out = StringIO()
    try:
        call_command("create_org", "Acme", "--admin", "o@a.example", "--profile", "testomat", *opts, stdout=out)
        say(
            "f6",
            opts,
            out.getvalue()[:300],
            list(MappingRule.objects.values_list("pattern_type", "kind", "auto_approve")),
        )
    except Exception as e:
        say("f6", opts, repr(e))
