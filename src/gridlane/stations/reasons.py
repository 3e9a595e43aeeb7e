"""Why a station was let in or turned away: every reason code with its sentence and what to do about it.

A station learns none of this, only a status; an operator sees it in the connection doctor, and the table in
docs/operators/refusals.md is written from this one.
"""

from dataclasses import dataclass
from enum import IntEnum


class Step(IntEnum):
    """How far a station gets, in order. A reason names the step that failed; the ones before it went well."""

    REACHED = 0
    TLS = 1
    REQUEST = 2
    IDENTITY = 3
    CREDENTIALS = 4
    VERSION = 5
    ADMITTED = 6


@dataclass(frozen=True, slots=True)
class Reason:
    code: str
    step: Step
    sentence: str
    remedy: str


_TABLE = (
    # the connection
    Reason("left_early", Step.REACHED, "The connection was closed before a complete request had arrived.", "A port scan or a health check looks like this. If it is a station: it may expect TLS on a plain port, or give up on a slow network."),
    Reason("handshake_timeout", Step.REACHED, "The request was not complete within the time limit.", "Check the station's network; on very slow links raise the handshake limit."),
    Reason("crowded_out", Step.REACHED, "Too many connections were waiting, most of them from this network.", "The station will try again. If it stays so, find out what else connects from there."),
    # TLS
    Reason("plain_text_on_tls_port", Step.TLS, "The station speaks ws:// on the port for wss://.", "Give the station a URL that begins with wss://, or the port for plain connections."),
    Reason("tls_too_old", Step.TLS, "The station offers only TLS versions before 1.2.", "Update its firmware. OCPP asks for TLS 1.2 or newer."),
    Reason("tls_no_shared_suite", Step.TLS, "The station and this listener share no cipher suite.", "Very old stations know RSA key exchange only: allow it on a listener of its own (tls_rsa)."),
    Reason("tls_failed", Step.TLS, "The TLS handshake failed.", "See the station's own log; a wrong clock or broken certificate store is common."),
    Reason("server_certificate_refused", Step.TLS, "The station does not trust our certificate.", "Install the authority that signed it on the station, and check the station's clock and the host name in its URL."),
    Reason("client_certificate_missing", Step.TLS, "The station showed no certificate, and it must (security profile 3).", "Install a certificate on the station, or change its security profile."),
    Reason("client_certificate_untrusted", Step.TLS, "The station's certificate was not signed by an accepted authority.", "Add its authority to the accepted ones, or give the station a certificate of ours."),
    Reason("client_certificate_expired", Step.TLS, "The station's certificate is not valid today.", "Renew it. If its dates look right, check the clock of this server."),
    # the request
    Reason("not_a_websocket", Step.REQUEST, "The request asked for no WebSocket.", "A browser looks like this. If it is a station or a proxy: WebSocket upgrades must be passed on."),
    Reason("request_malformed", Step.REQUEST, "The request breaks the rules of HTTP.", "See the station's own log; a proxy in between may have changed the request."),
    Reason("request_too_large", Step.REQUEST, "The request's headers are too large.", "A proxy may add headers; a station's own request has a few hundred bytes."),
    Reason("door_failed", Step.REQUEST, "The request could not be judged because of a failure on our side.", "See the log of the gateway."),
    # who it is
    Reason("identity_invalid", Step.IDENTITY, "The URL does not end in a usable identity.", "The last part of the URL is the station's identity: 1 to 48 characters, without colon, percent-encoded."),
    Reason("identity_unknown", Step.IDENTITY, "No station with this identity is registered.", "Register it, or let unknown stations wait for approval. Mind upper and lower case."),
    Reason("identity_not_presentable", Step.IDENTITY, "An unknown station's identity has characters or a length that OCPP does not allow.", "Register the station by hand, if it really is called so."),
    Reason("strangers_too_many", Step.IDENTITY, "Too many unknown stations are connected, or come too fast.", "Approve or reject those that wait; the station will try again."),
    Reason("station_rejected", Step.IDENTITY, "An operator has rejected this station, and it has no credentials.", "Approve it if this was a mistake."),
    # whether it is that
    Reason("authorization_malformed", Step.CREDENTIALS, "The Authorization header is no HTTP Basic authorization.", "See the station's own log."),
    Reason("user_is_not_identity", Step.CREDENTIALS, "The user name differs from the identity in the URL.", "OCPP wants the identity as user name."),
    Reason("password_missing", Step.CREDENTIALS, "The station sent no password.", "Set its password and its security profile (1 or 2)."),
    Reason("password_not_set", Step.CREDENTIALS, "The station sent a password, but none is stored for it.", "Generate a password for it and set it on the station."),
    Reason("password_wrong", Step.CREDENTIALS, "The password is wrong.", "Set the password anew, here and on the station."),
    Reason("password_being_checked", Step.CREDENTIALS, "The imported password is being checked; the station will be let in when it tries again.", "Nothing: this happens once after an import."),
    Reason("too_many_attempts", Step.CREDENTIALS, "Too many attempts have failed from this network.", "Wait a few minutes. Stations with generated passwords are not affected."),
    Reason("tls_required", Step.CREDENTIALS, "The station came without TLS, and its security profile asks for it.", "Give the station a wss:// URL, or change its profile to 1 if the network is trusted."),
    Reason("wrong_security_profile", Step.CREDENTIALS, "The station came with a security profile other than its own.", "Change the profile here or on the station; only one is accepted at a time."),
    Reason("client_certificate_unreadable", Step.CREDENTIALS, "The station's certificate cannot be read.", "Give the station a new certificate."),
    Reason("client_certificate_revoked", Step.CREDENTIALS, "The station's certificate was revoked.", "Give the station a new certificate."),
    Reason("client_certificate_of_another_operator", Step.CREDENTIALS, "The certificate's O is not the operator's name.", "Issue it with the operator's name as O, or add that name to the accepted ones."),
    Reason("client_certificate_of_another_station", Step.CREDENTIALS, "The certificate belongs to another station, or its CN is neither this one's identity nor its serial number.", "Issue a certificate for this station."),
    Reason("client_certificate_not_pinned", Step.CREDENTIALS, "The certificate is not one of those pinned to this station.", "Pin the new one, or remove the pins."),
    # what it speaks
    Reason("no_common_version", Step.VERSION, "The station offers no version of OCPP that is spoken here.", "Offered should be ocpp1.6, ocpp2.0.1 or ocpp2.1 in Sec-WebSocket-Protocol."),
    Reason("pinned_version_not_offered", Step.VERSION, "The station is held to one version of OCPP and does not offer it.", "Remove the pin, or set that version on the station."),
    # in
    Reason("admitted", Step.ADMITTED, "The station is connected.", "Nothing."),
    Reason("admitted_without_authentication", Step.ADMITTED, "The station is connected without any proof of who it is (profile 0).", "Set a password and profile 1 or 2 as soon as the station can do it."),
    Reason("admitted_to_approval_list", Step.ADMITTED, "The unknown station is connected and waits for approval.", "Approve or reject it."),
)  # fmt: skip

REASONS = {reason.code: reason for reason in _TABLE}


_HEADINGS = {
    Step.REACHED: "The connection",
    Step.TLS: "TLS",
    Step.REQUEST: "The request",
    Step.IDENTITY: "Who the station is",
    Step.CREDENTIALS: "Whether it is that station",
    Step.VERSION: "What it speaks",
    Step.ADMITTED: "In",
}


def refusals_page() -> str:
    """docs/operators/refusals.md."""
    lines = [
        "# Why a station does not connect",
        "",
        "The connection doctor shows one of these for each station, with the steps before it that went well. The station itself",
        "is told only a status. How to set a station up is in [connecting-stations.md](connecting-stations.md).",
    ]
    for step, heading in _HEADINGS.items():
        lines += ["", f"## {heading}", "", "| Code | What happened | What to do |", "|---|---|---|"]
        lines += [f"| `{r.code}` | {r.sentence} | {r.remedy} |" for r in _TABLE if r.step is step]
    return "\n".join(lines) + "\n"
