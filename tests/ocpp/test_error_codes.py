import pytest

from gridlane.ocpp.error_codes import CODES, DESCRIPTION_LENGTH, ORACLE, Fault, modern_spelling, spelled_for
from gridlane.ocpp.version import Version


@pytest.mark.parametrize("version", Version)
def test_every_fault_has_a_code_that_the_version_knows(version):
    assert set(ORACLE[version]) == set(Fault)
    assert set(ORACLE[version].values()) <= CODES[version]


def test_every_sentence_fits_a_description():
    assert max(len(fault.sentence) for fault in Fault) < DESCRIPTION_LENGTH - 100  # room for a place


def test_1_6_keeps_its_misspellings_going_out_and_both_are_read():
    assert spelled_for(Version.V16, "FormatViolation") == "FormationViolation"
    assert spelled_for(Version.V16, "OccurrenceConstraintViolation") == "OccurenceConstraintViolation"
    assert spelled_for(Version.V201, "FormationViolation") == "FormatViolation"
    assert modern_spelling("OccurenceConstraintViolation") == "OccurrenceConstraintViolation"


def test_a_code_that_a_version_lacks_becomes_its_generic_one():
    assert spelled_for(Version.V16, "RpcFrameworkError") == "GenericError"
    assert spelled_for(Version.V21, "Whatever") == "GenericError"
