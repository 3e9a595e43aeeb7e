from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.billing.plans import FreeVend, Plan, Promotion, PromotionKind, Terms
from gridlane.billing.rating import BillLine, Unit, nets, rated, summed
from gridlane.kernel.money import Money
from gridlane.kernel.quantities import WattHours
from gridlane.tariffs.exchange import from_json, to_json
from gridlane.tariffs.tariff import TaxIncluded

BERLIN = "Europe/Berlin"


def test_a_bill_has_a_line_for_each_price_with_its_reason(tariff, session):
    bill = rated(session(("charging", 60, 10), ("parking", 30)), tariff(ENERGY=0.5, PARKING_TIME=3), BERLIN)
    assert [(line.reason, str(line.amount), line.unit) for line in bill.lines] == [
        ("10 kWh x 0.5 EUR/kWh", "5.00 EUR", Unit.KILOWATT_HOUR),
        ("30 min parked without charging x 3 EUR/h", "1.50 EUR", Unit.HOUR),
    ]
    assert (str(bill.gross), str(bill.tax)) == ("6.50 EUR", "1.04 EUR")


def test_no_energy_no_bill(tariff, session):
    bill = rated(
        session(("charging", 2), ("parking", 30)), tariff(ENERGY=0.5, FLAT=1, PARKING_TIME=6), BERLIN
    )
    assert bill.lines == ()
    assert not bill.gross


def test_a_reservation_stays_due_when_nothing_was_charged(session, tariff):
    made = tariff(FLAT=1)
    reserved = msgspec.structs.replace(
        made.elements[0],
        restrictions=msgspec.convert({"reservation": "RESERVATION"}, type(made.elements[0].restrictions)),
    )
    bill = rated(
        session(("reserved", 10), ("charging", 2)),
        msgspec.structs.replace(made, elements=(reserved,)),
        BERLIN,
    )
    assert str(bill.gross) == "1.00 EUR"


def test_a_bill_recomputed_from_what_was_stored_is_the_same(tariff, session):
    prices = tariff(ENERGY=0.4937, FLAT=0.35, PARKING_TIME=6, idle_grace=600)
    stay = session(("charging", 47, 13.371), ("parking", 25))
    assert rated(stay, from_json(to_json(prices)), BERLIN) == rated(stay, prices, BERLIN)


PLAN = Plan(name="Pro", monthly_fee=Money.of("9.90", "EUR"), vat=Decimal(19), energy_discount=Decimal(10))


def amounts(bill):
    return [(line.reason, str(line.amount.amount)) for line in bill.lines]


def test_a_plan_gives_its_included_energy_first_and_its_discount_on_the_rest(tariff, session):
    terms = Terms(plan=PLAN, included_left=WattHours(4_000.0))
    bill = rated(session(("charging", 60, 10)), tariff(ENERGY=0.5, FLAT=1), BERLIN, terms)
    assert amounts(bill)[2:] == [("4 kWh included in plan Pro", "-2.00"), ("10 % off, plan Pro", "-0.30")]
    assert bill.included == 4_000
    assert str(bill.gross) == "3.70 EUR"


def promotion(kind, value, **limits):
    from datetime import UTC, datetime

    return Promotion(
        code="MAY", kind=kind, value=Decimal(value), valid_from=datetime(2026, 5, 1, tzinfo=UTC), **limits
    )


@pytest.mark.parametrize(
    ("code", "gross"),
    [
        (promotion(PromotionKind.PERCENT, 50), "3.00 EUR"),
        (promotion(PromotionKind.PERCENT, 50, at_most=Decimal(2)), "4.00 EUR"),
        (promotion(PromotionKind.AMOUNT, "2.50"), "3.50 EUR"),
        (promotion(PromotionKind.AMOUNT, 99), "0.00 EUR"),
    ],
)
def test_a_promotion_takes_its_part_off_the_whole_bill(tariff, session, code, gross):
    bill = rated(session(("charging", 60, 10)), tariff(ENERGY=0.5, FLAT=1), BERLIN, Terms(promotion=code))
    assert str(bill.gross) == gross


@pytest.mark.parametrize(("free", "gross"), [(None, "0.00 EUR"), (WattHours(5_000.0), "3.50 EUR")])
def test_free_vend_gives_all_or_the_first_energy(tariff, session, free, gross):
    terms = Terms(free_vend=FreeVend(reason="Opening week", energy=free))
    bill = rated(session(("charging", 60, 10)), tariff(ENERGY=0.5, FLAT=1), BERLIN, terms)
    assert bill.lines[-1].reason == "Opening week"
    assert str(bill.gross) == gross


def test_all_terms_together_never_go_below_zero(tariff, session):
    terms = Terms(
        free_vend=FreeVend(reason="x", energy=WattHours(8_000.0)),
        plan=PLAN,
        included_left=WattHours(50_000.0),
        promotion=promotion(PromotionKind.AMOUNT, 10),
    )
    assert not rated(session(("charging", 60, 10)), tariff(ENERGY=0.5, FLAT=1), BERLIN, terms).gross


lines = st.builds(
    BillLine,
    reason=st.just("x"),
    quantity=st.just(Decimal(1)),
    unit=st.just(Unit.ONE),
    unit_price=st.just(Decimal(1)),
    vat=st.sampled_from([None, Decimal(7), Decimal(19)]),
    amount=st.integers(-500, 5_000).map(lambda cents: Money.from_minor(cents, "EUR")),
)


@given(st.lists(lines, max_size=12), st.sampled_from(list(TaxIncluded)))
def test_the_nets_of_the_lines_add_up_to_the_net_of_each_rate(made, included):
    bill = summed(made, "EUR", included)
    sums = dict.fromkeys((part.vat for part in bill.taxes), Money.zero("EUR"))
    for line, net in zip(bill.lines, nets(bill), strict=True):
        sums[line.vat] += net
    assert sums == {part.vat: part.net for part in bill.taxes}
    assert bill.gross == bill.net + bill.tax


def test_a_bill_speaks_the_drivers_language(tariff, session):
    terms = Terms(plan=PLAN, included_left=WattHours(4_000.0))
    bill = rated(
        session(("charging", 60, 10), ("parking", 5)), tariff(ENERGY=0.5, PARKING_TIME=6), BERLIN, terms, "de"
    )
    assert [line.reason for line in bill.lines] == [
        "10 kWh x 0.5 EUR/kWh",
        "5 min ohne Laden geparkt x 6 EUR/h",
        "4 kWh enthalten im Tarif Pro",
        "10 % Nachlass, Tarif Pro",
    ]
