"""What an identity provider says of somebody, and whether to believe it: the checks of an ID token, pure.

OpenID Connect Core 1.0, 3.1.3.7: signed by a key of the provider with an asymmetric algorithm, issued by it, for us,
for this very sign-in (nonce), and now.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from gridlane.kernel.errors import Kind, Refusal

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""No shared secrets and no unsigned tokens: only the provider itself can have made one."""

LEEWAY = timedelta(minutes=2)
"""Clocks differ."""


class IdentityRefused(Refusal):
    code = "identity_refused"
    kind = Kind.NOT_SIGNED_IN
    sentence = "The identity provider's answer is not accepted: {reason}."


class Identity(NamedTuple):
    """Who somebody is at a provider: ``subject`` stays, the rest may change."""

    subject: str
    email: str
    name: str


def verified(
    token: str,
    keys: Mapping[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    now: datetime,
    trusts_addresses: bool = False,
) -> Identity:
    """Who the token is about. ``keys`` is the provider's JWK set; ``trusts_addresses``: it need not say that an
    address was proved.

    Raises IdentityRefused.
    """
    claims = _signed(token, keys)
    _require(claims.get("iss") == issuer, "another issuer has made it")
    _require(client_id in _listed(claims.get("aud")), "it was made for somebody else")
    party = claims.get("azp", client_id if len(_listed(claims.get("aud"))) == 1 else None)
    _require(party == client_id, "it was given to somebody else")
    _check_times(claims, now)
    _require(hmac.compare_digest(str(claims.get("nonce", "")), nonce), "it belongs to another sign-in")
    return _identity(claims, trusts_addresses=trusts_addresses)


def _signed(token: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    from joserfc import jwk, jwt
    from joserfc.errors import JoseError

    try:
        known = jwk.KeySet.import_key_set({"keys": list(keys["keys"])})
        return dict(jwt.decode(token, known, algorithms=list(ALGORITHMS)).claims)
    except (JoseError, KeyError, TypeError, ValueError) as why:
        raise IdentityRefused(reason=f"its signature is not right ({type(why).__name__})") from None


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    present, leeway = now.timestamp(), LEEWAY.total_seconds()
    times = {name: claims.get(name) for name in ("exp", "iat", "nbf")}
    exp, iat, nbf = times["exp"], times["iat"], times["nbf"] or 0
    _require(
        isinstance(exp, int | float) and isinstance(iat, int | float), "it does not say when it was made"
    )
    assert isinstance(exp, int | float)
    assert isinstance(iat, int | float)
    _require(exp > present - leeway, "it is too old; compare the clocks of the two systems")
    early = max(iat, nbf if isinstance(nbf, int | float) else 0) > present + leeway
    _require(not early, "it is of the future; compare the clocks of the two systems")


def _identity(claims: Mapping[str, Any], *, trusts_addresses: bool) -> Identity:
    subject, email = claims.get("sub"), str(claims.get("email") or "").lower()
    _require(isinstance(subject, str) and bool(subject), "it names nobody")
    _require("@" in email, "it has no mail address; let the provider give the scope email")
    proved = claims.get("email_verified", True if trusts_addresses else None)
    _require(proved in (True, "true"), "the mail address was not proved there")
    return Identity(str(subject), email, str(claims.get("name") or ""))


def _listed(audience: Any) -> list[Any]:
    return audience if isinstance(audience, list) else [audience]


def _require(holds: bool, reason: str) -> None:
    """Raises IdentityRefused."""
    if not holds:
        raise IdentityRefused(reason=reason)
