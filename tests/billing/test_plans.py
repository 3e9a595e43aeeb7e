from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.billing.plans import (
    Charge,
    FreeVend,
    Plan,
    Promotion,
    PromotionKind,
    PromotionRefused,
    Terms,
    check_promotion,
    fee_of_month,
    reductions,
)
from gridlane.kernel.money import Money
from gridlane.kernel.quantities import WattHours

NOW = datetime(2026, 5, 10, tzinfo=UTC)
CODE = Promotion(
    code="MAY",
    kind=PromotionKind.PERCENT,
    value=Decimal(10),
    valid_from=NOW,
    valid_until=NOW + timedelta(days=1),
    uses=100,
)
PLAN = Plan(name="Pro", monthly_fee=Money.of("9.99", "EUR"), vat=Decimal(19))


@pytest.mark.parametrize(
    ("now", "uses", "by_person", "why"),
    [
        (NOW - timedelta(seconds=1), 0, 0, "not valid yet"),
        (NOW + timedelta(days=1), 0, 0, "expired"),
        (NOW, 100, 0, "used up"),
        (NOW, 5, 1, "used it already"),
    ],
)
def test_a_code_that_cannot_be_used_says_why(now, uses, by_person, why):
    with pytest.raises(PromotionRefused, match=why):
        check_promotion(CODE, now, uses, by_person)


def test_a_good_code_may_be_used():
    check_promotion(CODE, NOW, 99, 0)


@pytest.mark.parametrize(
    ("since", "until", "fee"),
    [
        (date(2026, 1, 1), None, "9.99"),
        (date(2026, 4, 16), None, "5.00"),  # 15 of 30 days: 4.995 is rounded half up
        (date(2026, 4, 1), date(2026, 4, 2), "0.33"),
        (date(2026, 5, 1), None, "0.00"),
    ],
)
def test_the_fee_of_a_month_is_by_the_day(since, until, fee):
    assert str(fee_of_month(PLAN, date(2026, 4, 20), since, until).rounded().amount) == fee


charges = st.builds(
    Charge,
    is_energy=st.booleans(),
    vat=st.sampled_from([None, Decimal(7), Decimal(19)]),
    amount=st.integers(0, 9_000).map(lambda cents: Money.from_minor(cents, "EUR")),
)
terms = st.builds(
    Terms,
    free_vend=st.none() | st.builds(FreeVend, reason=st.just("free"), energy=st.none() | st.floats(0, 2e4)),
    plan=st.none() | st.just(PLAN),
    included_left=st.floats(0, 2e4),
    promotion=st.none() | st.just(CODE),
)


@given(st.lists(charges, max_size=6), st.floats(0.001, 3e4), terms)
def test_no_rate_is_ever_reduced_below_zero(made, energy, agreed):
    for vat in (None, Decimal(7), Decimal(19)):
        charged = sum(c.amount.amount for c in made if c.vat == vat)
        taken = sum(r.amount.amount for r in reductions(made, WattHours(energy), agreed) if r.vat == vat)
        assert 0 <= charged + taken <= charged
