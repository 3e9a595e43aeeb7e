"""The table of handlers is whole: nothing a station can say is left without a decision."""

from gridlane.app import handlers
from gridlane.stations.reports import Report


def every(kind):
    return {kind} - {Report} | {found for one in kind.__subclasses__() for found in every(one)}


def test_every_report_has_a_handler():
    assert every(Report) - handlers.reports().keys() == set()


def test_every_handler_is_for_a_report():
    assert handlers.reports().keys() - every(Report) == set()
