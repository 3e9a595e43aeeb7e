import pytest

from gridlane.tariffs.tariff import TariffInvalid


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"country_code": "DEU"}, "country_code"),
        ({"party_id": "G"}, "party_id"),
        ({"id": ""}, "id"),
        ({"currency": "eur"}, "currency"),
        ({"elements": []}, "elements"),
        ({"idle_grace": -1}, "idle_grace"),
        (
            {"start_date_time": "2026-02-01T00:00:00Z", "end_date_time": "2026-01-01T00:00:00Z"},
            "end_date_time",
        ),
        ({"min_price": {"before_taxes": -1}}, "min_price"),
        ({"min_price": {"before_taxes": 2, "after_taxes": 1}}, "min_price.after_taxes"),
        ({"min_price": {"before_taxes": 3}, "max_price": {"before_taxes": 2}}, "max_price.before_taxes"),
    ],
)
def test_a_wrong_field_is_named(tariff, element, fields, path):
    with pytest.raises(TariffInvalid) as caught:
        tariff(element(ENERGY=0.3), **fields)
    assert list(caught.value.details["problems"]) == [path]


@pytest.mark.parametrize(
    ("restriction", "field"),
    [
        ({"start_time": "24:00"}, "start_time"),
        ({"end_time": "9:00"}, "end_time"),
        ({"start_date": "2026-02-30"}, "start_date"),
        ({"end_date": "20260101"}, "end_date"),
        ({"start_date": "2026-02-02", "end_date": "2026-02-02"}, "end_date"),
        ({"min_kwh": 5, "max_kwh": 5}, "max_kwh"),
        ({"min_power": -1}, "min_power"),
        ({"min_duration": 60, "max_duration": 30}, "max_duration"),
    ],
)
def test_a_restriction_that_can_never_hold_is_named(tariff, element, restriction, field):
    with pytest.raises(TariffInvalid) as caught:
        tariff(element(ENERGY=0.3, **restriction))
    assert list(caught.value.details["problems"]) == [f"elements[0].restrictions.{field}"]


def test_all_problems_are_told_at_once(tariff, element):
    with pytest.raises(TariffInvalid) as caught:
        tariff(
            element(ENERGY=0.3, step_size=-1, vat=100), element(ENERGY=1e-9, reservation="RESERVATION"), id=""
        )
    assert list(caught.value.details["problems"]) == [
        "id",
        "elements[0].price_components[0].step_size",
        "elements[0].price_components[0].vat",
        "elements[1].price_components[0].price",
        "elements[1].price_components[0].type",
    ]


def test_two_components_of_one_dimension_in_an_element_are_refused(tariff, element):
    double = element(ENERGY=0.3)
    double["price_components"] *= 2
    with pytest.raises(TariffInvalid, match="only one ENERGY"):
        tariff(double)


def test_a_spot_price_is_for_energy(tariff, element):
    odd = element(TIME=1)
    odd["price_components"][0]["spot"] = {"feed": "", "fallback": 0.3, "floor": 2, "cap": 1}
    with pytest.raises(TariffInvalid) as caught:
        tariff(odd)
    assert [path.rpartition(".")[2] for path in caught.value.details["problems"]] == ["spot", "feed", "cap"]


def test_validity_includes_its_start_and_excludes_its_end(tariff, element):
    made = tariff(
        element(ENERGY=1), start_date_time="2026-01-01T00:00:00Z", end_date_time="2026-02-01T00:00:00Z"
    )
    assert made.is_valid_at(made.start_date_time)
    assert not made.is_valid_at(made.end_date_time)
