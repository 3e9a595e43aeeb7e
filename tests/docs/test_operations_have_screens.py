"""Whatever the API can do, somebody can do at a screen; where not, it is written here why."""

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("operations", Path(__file__).parent / "operations.py")
OPERATIONS = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(OPERATIONS)

GUEST = "the guest's page asks it, which is drawn by the server (web/public)"
STATION = "stations send files there"
ONE = "the list of them tells as much of each"
FLEETS = "for programs until the fleet pages have it"

WITHOUT_A_SCREEN = {
    "GET /authorizations": "for programs; a session's page and the connection's log tell who was let in",
    "GET /bills": "a session's page shows its bill, the money page the documents",
    "POST /checkouts": GUEST,
    "GET /checkouts/{}": GUEST,
    "POST /checkouts/{}/cancel": GUEST,
    "POST /checkouts/{}/hold": GUEST,
    "GET /checkouts/{}/receipt.pdf": GUEST,
    "POST /checkouts/{}/stop": GUEST,
    "PUT /configuration-templates/{}": "not drawn yet: a template is made anew",
    "DELETE /driver-groups/{}": FLEETS,
    "DELETE /driver-groups/{}/members/{}": FLEETS,
    "PUT /driver-groups/{}/members/{}": FLEETS,
    "PATCH /driver-groups/{}/vehicles/{}": FLEETS,
    "DELETE /driver-groups/{}/account": FLEETS,
    "GET /driver-groups/{}/account": FLEETS,
    "GET /driver-groups/{}/account/charges": FLEETS,
    "GET /driver-groups/{}/account/invoices": FLEETS,
    "GET /driver-groups/{}/account/invoices/{}.pdf": FLEETS,
    "POST /driver-groups/{}/account/invoices/{}/payments": FLEETS,
    "POST /driver-groups/{}/account/invoices/{}/payments/{}/reverse": FLEETS,
    "PUT /driver-groups/{}/account": FLEETS,
    "GET /driver/charges/{}/plan": "not drawn yet: the app tells when a charge is ready, not its whole plan",
    "POST /driver/journeys": "not drawn yet in the drivers' app",
    "DELETE /driver/journeys/{}": "not drawn yet in the drivers' app",
    "GET /exports/{}.parquet": "for programs: whole tables",
    "GET /fault-rules": "not drawn yet; docs/operators/faults.md tells them",
    "PUT /insight/assumptions": "not drawn yet",
    "GET /insight/assumptions": "not drawn yet",
    "GET /insight/excluded-downtime": "not drawn yet",
    "POST /insight/excluded-downtime": "not drawn yet",
    "DELETE /insight/excluded-downtime/{}": "not drawn yet",
    "PATCH /me": "not drawn yet",
    "POST /me/payment-sources": "the payment provider's own fields save a card",
    "GET /me/reimbursements": "not drawn yet in the drivers' app",
    "DELETE /operations/{}": "not drawn yet",
    "GET /operations/{}": ONE,
    "PUT /organization/identity-provider": "not drawn yet",
    "DELETE /organization/identity-provider": "not drawn yet",
    "GET /organization/identity-provider": "not drawn yet",
    "GET /people/{}": ONE,
    "POST /people/{}/forget": "not drawn yet",
    "GET /people/{}/sessions": "not drawn yet",
    "GET /planning/shipped": "the planner offers the one shipped region by name",
    "POST /sessions": "for programs; an operator starts a charge by the station's command",
    "GET /sign-up": "the entrance shows the server's refusal instead",
    "GET /sites/{}/busy-prices": "not drawn yet",
    "PUT /sites/{}/busy-prices": "not drawn yet",
    "PUT /sites/{}/circuit-evses/{}": "not drawn yet",
    "DELETE /sites/{}/circuit-evses/{}": "not drawn yet",
    "POST /sites/{}/circuit-evses/{}/trust": "not drawn yet",
    "DELETE /sites/{}/circuits/{}": "not drawn yet",
    "POST /sites/{}/circuits/{}/readings": "building meters send their readings there",
    "POST /sites/{}/dimmings": "not drawn yet; grid operators' boxes send them",
    "DELETE /sites/{}/dimmings/{}": "not drawn yet; grid operators' boxes send them",
    "PUT /sites/{}/free-vend": "not drawn yet",
    "GET /sites/{}/free-vend": "not drawn yet",
    "DELETE /sites/{}/free-vend": "not drawn yet",
    "GET /sites/{}/reservations": "not drawn yet",
    "GET /spot-prices/{}": "for programs; the energy plan shows the prices it reckons with",
    "PUT /spot-prices/{}": "for programs that bring prices of their own",
    "GET /start-requests/{}": "for programs that started a charge",
    "GET /stations/{}/price": "for programs; the price page previews what a driver pays",
    "POST /support/canned-answers": "not drawn yet",
    "DELETE /support/canned-answers/{}": "not drawn yet",
    "PATCH /support/cases/{}": "not drawn yet",
    "POST /support/cases/{}/attachments": "not drawn yet",
    "POST /support/cases/{}/merge": "not drawn yet",
    "GET /support/causes": "for programs; the words of causes are in the screens",
    "POST /tariffs/import": "for programs that keep tariffs in OCPI's form",
    "GET /terminal-payments": "not drawn yet",
    "GET /tokens/{}": ONE,
    "DELETE /tokens/{}": "not drawn yet; blocking one is",
    "POST /uploads/{}": STATION,
    "PUT /uploads/{}": STATION,
    "PUT /uploads/{}/{}": STATION,
    "POST /uploads/{}/{}": STATION,
}
"""Operation -> why no screen asks for it."""


@pytest.fixture(scope="module")
def undrawn():
    return OPERATIONS.operations() - OPERATIONS.called()


def test_an_operation_that_no_screen_uses_says_why(undrawn):
    silent = sorted(undrawn - WITHOUT_A_SCREEN.keys())
    assert silent == [], "draw it where the thing is that it acts on, or say in WITHOUT_A_SCREEN why not"


def test_no_excuse_outlives_its_reason(undrawn):
    drawn = sorted(WITHOUT_A_SCREEN.keys() - undrawn)
    assert drawn == [], "a screen has it now (or the API no longer): take it out of WITHOUT_A_SCREEN"


def test_what_screens_ask_is_read_from_each_way_they_have():
    called = OPERATIONS.called()
    ways = {
        "POST /sessions/{}/stop": "a template",
        "POST /incidents/{}/notes": "a path with a name, and more behind it",
        "POST /me/recovery-codes": "one of two, by a name",
        "POST /host-contracts/{}/end": "a kind chosen at run time",
        "GET /documents/{}.pdf": "a link",
        "GET /stations/{}/event-streams": "a row of a table",
        "GET /sites/{}/energy/live": "a stream",
        "POST /me/cases/{}/attachments": "an upload",
    }
    assert ways.keys() - called == set()
