from gridlane.energy.picturing import differences

BEFORE = {
    "circuits": [{"id": "c", "power": 1.0}],
    "evses": [{"evse_id": "a", "told": 6.0}, {"evse_id": "b", "told": 8.0}],
    "sharing": 2,
}


def test_of_a_picture_only_what_changed_is_told():
    after = BEFORE | {"evses": [{"evse_id": "a", "told": 6.0}, {"evse_id": "b", "told": 9.0}]}
    assert differences(BEFORE, after) == {"evses": [{"evse_id": "b", "told": 9.0}]}


def test_nothing_is_told_of_a_picture_that_is_as_it_was():
    assert differences(BEFORE, BEFORE) == {}


def test_what_is_gone_is_told():
    after = BEFORE | {"evses": BEFORE["evses"][:1], "sharing": 1}
    assert differences(BEFORE, after) == {"evses_gone": ["b"], "sharing": 1}


def test_the_first_picture_is_told_whole():
    assert differences({}, BEFORE) == BEFORE
