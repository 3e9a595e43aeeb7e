import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.campaigns.drift import Place, Setting, drift, same


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("true", "True"), ("60", "60.0"), ("A,B", "B, A"), ("Energy.Active", "energy.active"), ("", " ")],
)
def test_two_ways_to_write_one_value_are_no_drift(wanted, found):
    assert same(wanted, found)


@pytest.mark.parametrize(("wanted", "found"), [("60", "61"), ("true", "false"), ("A,B", "A"), ("x", None)])
def test_another_value_is_drift(wanted, found):
    assert not same(wanted, found)


def test_only_what_differs_is_told_in_the_templates_order():
    settings = [Setting(variable=name, value="1") for name in ("B", "A", "C")]
    told = {Place("", "A"): "1", Place("", "B"): "2"}
    assert [(one.setting.variable, one.found) for one in drift(settings, told)] == [("B", "2"), ("C", None)]


@given(st.text())
def test_every_value_is_the_same_as_itself(value):
    assert same(value, value)
