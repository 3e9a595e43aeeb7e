"""Every reason that the code gives is one that an operator can look up, and the other way round."""

import re
from pathlib import Path

import gridlane.stations
from gridlane.stations.reasons import REASONS

SOURCES = Path(gridlane.stations.__file__).parent
FILES = (
    "handshake.py",
    "door.py",
    "client_certificates.py",
    "transport/listening.py",
    "transport/tls.py",
    "transport/upgrade.py",
)


def test_every_reason_is_given_somewhere():
    said = "".join((SOURCES / file).read_text() for file in FILES)
    assert [code for code in REASONS if f'"{code}"' not in said] == []


def test_every_reason_that_is_given_is_known():
    given = set()
    for file in FILES:
        source = (SOURCES / file).read_text()
        given |= set(
            re.findall(
                r"(?:Verdict\((?:None|\d), |Rejection\([^,]+, |Farewell\(|refuse\(|_refuse\(call, \w+, )\"(\w+)\"",
                source,
            )
        )
        given |= set(re.findall(r"return \"([a-z]\w+_\w+)\"", source)) | set(
            re.findall(r": \"(\w+)\",$", source, re.MULTILINE)
        )
    assert given - set(REASONS) == set()
    assert len(given) > 20
