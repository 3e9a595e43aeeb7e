"""The pages of docs/ that are made from this package's tables, so that they cannot say otherwise than the code."""

from typing import Final

from gridlane.ocpp.conversation import DEFAULT_LIMITS
from gridlane.ocpp.error_codes import ORACLE, PRECEDENCE, Fault
from gridlane.ocpp.frames import MESSAGE_ID_LENGTH, NESTING_LIMIT
from gridlane.ocpp.quirks import StationFile, station_files
from gridlane.ocpp.tolerance import SPELLINGS
from gridlane.ocpp.version import Version

GENERATED: Final = "<!-- Made by tools/write_docs.py: do not edit. -->"


def errors_page() -> str:
    """docs/ocpp-errors.md: which error code a bad message earns, by version."""
    rows = [
        f"| {fault.sentence} | {' | '.join(f'`{ORACLE[version][fault]}`' for version in Version)} |"
        for fault in Fault
    ]
    order = "\n".join(f"{number}. {fault.sentence}" for number, fault in enumerate(PRECEDENCE, 1))
    spellings = ", ".join(f"`{said}` for `{meant[0]}`" for said, meant in SPELLINGS.items())
    return f"""{GENERATED}

# What a bad OCPP message is answered

Every CALL is answered: by its result, or by a CALLERROR with the code below. The tables of the standard leave room; this
page is where Gridlane fills it, and the tests hold it to every line.

| What is wrong | {" | ".join(f"OCPP {version.removeprefix('ocpp')}" for version in Version)} |
|---|---|---|---|
{chr(10).join(rows)}

A payload with several faults is named by the first of these that it has:

{order}

## How it is answered

- The description names the fault and, for a payload, the place (`meterValue.0.timestamp`). It never repeats what was
  sent, and has at most 255 characters.
- Where the message id cannot be read, the answer carries `-1`.
- A result or an error that cannot be read is never answered: two machines would do so for ever. In 2.1 a result whose
  payload is wrong earns a CALLRESULTERROR.
- A message type that does not exist is answered in 2.0.1 and ignored in 1.6 and 2.1, as each version says.
- A SEND (2.1) is never answered.

## What is forgiven

From every station, each time with a note that is stored beside the message:

- an integer written as `1.0`;
- a time without zone, taken as UTC, and other notations of ISO 8601;
- spellings whose meaning is beyond doubt: {spellings};
- NUL characters in texts, which are dropped;
- a CALLERROR without description or details;
- a message whose action ends with `-Signed` (2.x), which is read as what it holds; the signature stays in the raw message;
- message ids of up to {MESSAGE_ID_LENGTH} characters, where the standard allows 36.

What single makes of station get wrong is in [ocpp-quirks.md](ocpp-quirks.md). Of two properties with the same name the
last one counts, everywhere.

## Bounds

| Bound | Value | Beyond it |
|---|---|---|
| bytes of a frame | {DEFAULT_LIMITS.frame_bytes:,} | closed with 1009 |
| nesting | {NESTING_LIMIT} levels | refused as above |
| integers | 64 bits | refused as above |
| calls of a station that wait for their answer | {DEFAULT_LIMITS.unanswered} | the socket is not read until one is answered |
| the same, of one that sends all the same | {2 * DEFAULT_LIMITS.unanswered} | closed with 1008 |
| own calls that wait for their turn | {DEFAULT_LIMITS.queued_calls} | refused to the caller |
| time for a station to answer | {DEFAULT_LIMITS.call_timeout:g} s, unless the call says otherwise | told as timed out; a later answer is still told |
"""


def quirks_page() -> str:
    """docs/ocpp-quirks.md: every make of station that is treated specially, and why."""
    stations = "\n".join(_station(file) for file in station_files())
    return f"""{GENERATED}

# Stations that need a little help

One file a make, in `src/gridlane/ocpp/stations.d/`; an installation may keep a folder of its own in the same form. A file
acts only on what the standard's schema refuses (a rule marked *always* also on what it would accept), leaves a note beside
the stored message, and never changes the raw message.

{stations}"""


def _station(file: StationFile) -> str:
    rules = [
        f"`{rule.rule}` {', '.join(f'`{name}`' for name in rule.fields) or 'any field'}"
        f" in {', '.join(f'`{name}`' for name in rule.actions) or 'every message'}{' (always)' if rule.always else ''}"
        for rule in file.mend
    ]
    rules += [f"text `{rule.find}` read as `{rule.put}`" for rule in file.text]
    known_by = [f"vendor `{match.vendor}`, model `{match.model}`" for match in file.match]
    lines = [
        f"## {file.station}",
        "",
        file.why.strip(),
        "",
        f"- Known by: {'; or '.join(known_by)}",
        f"- Mended: {'; '.join(rules)}",
        f"- Seen: {', '.join(f'<{place}>' for place in file.seen)}",
        "",
    ]
    return "\n".join(lines)
