import json
from decimal import Decimal

import pytest

from gridlane.tariffs.exchange import OcpiVersion, from_json, from_ocpi, to_json, to_ocpi
from gridlane.tariffs.tariff import TariffInvalid, TaxIncluded

RESTRICTIONS = {
    "start_time": "13:30",
    "end_time": "19:45",
    "start_date": "2026-01-01",
    "end_date": "2026-12-31",
    "min_kwh": 1.5,
    "max_kwh": 50,
    "min_current": 5,
    "max_current": 96,
    "min_power": 3.7,
    "max_power": 150,
    "min_duration": 60,
    "max_duration": 7200,
    "day_of_week": ["MONDAY", "SUNDAY"],
    "reservation": "RESERVATION",
}
FULL = {
    "country_code": "NL",
    "party_id": "GRL",
    "id": "42",
    "currency": "EUR",
    "type": "REGULAR",
    "tariff_alt_text": [{"language": "nl", "text": "Doordeweeks goedkoper"}],
    "tariff_alt_url": "https://example.org/tariffs/42",
    "min_price": {"before_taxes": 0.5, "after_taxes": 0.605},
    "max_price": {"before_taxes": 40},
    "preauthorize_amount": 50,
    "elements": [
        {
            "price_components": [{"type": "TIME", "price": 0.25, "vat": 21.0, "step_size": 60}],
            "restrictions": RESTRICTIONS,
        }
    ],
    "tax_included": "NO",
    "start_date_time": "2026-01-01T00:00:00Z",
    "end_date_time": "2026-12-31T23:00:00Z",
    "energy_mix": {
        "is_green_energy": True,
        "energy_sources": [{"source": "WIND", "percentage": 100}],
        "environ_impact": [{"category": "CARBON_DIOXIDE", "amount": 0}],
        "supplier_name": "Wind op Zee",
    },
    "last_updated": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def full():
    return from_ocpi(json.dumps(FULL))


def test_every_field_of_ocpi_2_3_0_comes_back(full):
    assert json.loads(to_ocpi(full)) == FULL


def test_every_field_of_our_own_form_comes_back(full):
    assert from_json(to_json(full)) == full


def test_ocpi_2_2_1_names_the_limits_by_vat(full):
    old = json.loads(to_ocpi(full, OcpiVersion.V2_2_1))
    assert old["min_price"] == {"excl_vat": 0.5, "incl_vat": 0.605}
    assert "tax_included" not in old
    assert from_ocpi(json.dumps(old), OcpiVersion.V2_2_1) == full


def test_prices_with_taxes_inside_become_prices_before_taxes_in_2_2_1(tariff, element):
    shown = tariff(element(ENERGY=0.59, vat=19), tax_included="YES")
    old = from_ocpi(to_ocpi(shown, OcpiVersion.V2_2_1), OcpiVersion.V2_2_1)
    assert old.tax_included is TaxIncluded.NO
    assert old.elements[0].price_components[0].price == Decimal("0.495798")


def test_no_digit_is_lost():
    text = json.dumps(FULL).replace('"price": 0.25', '"price": 0.123456')
    assert from_ocpi(text).elements[0].price_components[0].price == Decimal("0.123456")


def test_unknown_fields_are_no_reason_to_refuse():
    assert from_ocpi(json.dumps(FULL | {"colour": "green"})).id == "42"


def test_an_instant_without_a_zone_is_utc():
    assert (
        from_ocpi(json.dumps(FULL | {"last_updated": "2026-01-01T00:00:00"})).last_updated.tzinfo is not None
    )


def test_what_only_we_know_is_not_told_to_partners_but_a_grace_is_told_in_words(tariff, element):
    ours = tariff(element(PARKING_TIME=3, name="idle"), idle_grace=600)
    told = json.loads(to_ocpi(ours))
    assert "idle_grace" not in told
    assert "name" not in told["elements"][0]
    assert told["tariff_alt_text"][0]["text"] == "The first 10 minutes of parking after charging are free."


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{", ""),
        ("[]", ""),
        ('{"min_price": NaN}', ""),
        ('{"id": 7}', "id"),
        (json.dumps(FULL).replace('"TIME"', '"MILES"'), "elements[0].price_components[0].type"),
        (json.dumps(FULL).replace('"SUNDAY"', '"HOLIDAY"'), "elements[0].restrictions.day_of_week[1]"),
        (json.dumps({k: v for k, v in FULL.items() if k != "currency"}), ""),
    ],
)
def test_what_is_wrong_with_a_partners_tariff_is_named(text, path):
    with pytest.raises(TariffInvalid) as caught:
        from_ocpi(text)
    assert list(caught.value.details["problems"]) == [path]
