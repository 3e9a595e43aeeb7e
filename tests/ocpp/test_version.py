from gridlane.ocpp.version import Version, choose_version


def test_the_station_s_order_of_preference_decides():
    assert choose_version(["ocpp1.6", "ocpp2.0.1"]) is Version.V16
    assert choose_version(["ocpp2.1", "ocpp2.0.1"]) is Version.V21


def test_what_we_do_not_speak_is_passed_over():
    assert choose_version(["ocpp2.0", "soap", "ocpp2.0.1"]) is Version.V201
    assert choose_version(["ocpp1.5"]) is None
    assert choose_version([]) is None


def test_a_listener_may_speak_less_and_a_station_be_pinned():
    assert choose_version(["ocpp2.1", "ocpp1.6"], spoken=[Version.V16]) is Version.V16
    assert choose_version(["ocpp2.1", "ocpp1.6"], only=Version.V16) is Version.V16
    assert choose_version(["ocpp2.1"], only=Version.V16) is None
