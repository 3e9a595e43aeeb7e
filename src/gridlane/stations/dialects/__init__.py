"""The only place above the wire that knows versions of OCPP: one vocabulary on one side, three versions on the other.

A dialect turns a station's message into a report, a reply into the response, a command into a call and the station's
answer into one word. It is tables of data: an action or command, and the pure function that translates it; the page
docs/ocpp-support.md is made from the same tables. It never decides anything, keeps no state and knows no station: what
a report means is for those who handle it.
"""

from gridlane.stations.dialects.dialect import CommandInvalid, Dialect, Phrase, Unsupported, dialect_for

__all__ = ["CommandInvalid", "Dialect", "Phrase", "Unsupported", "dialect_for"]
