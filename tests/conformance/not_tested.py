"""Cases without a test of their number yet, each with the reason. Nothing is skipped silently."""

OCPP_16: dict[str, str] = {}
OCPP_201: dict[str, str] = {}
OCPP_201_MORE: dict[str, str] = {}
