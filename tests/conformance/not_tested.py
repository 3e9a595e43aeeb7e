"""Cases without a test of their number yet, each with the reason. Nothing is skipped silently."""

from cases import listed

LATER = "not yet played by this number"

OCPP_16 = {
    "045_1": "the upload of diagnostics is proved in the stories of logs; not yet by this number",
    "073": "a password is changed by set_password; not yet played by this number",
    "074": "certificates are signed by the station authority; not yet played by this number",
    "075_1": LATER,
    "075_2": LATER,
    "076": LATER,
    "077": LATER,
    "078": LATER,
    "079": LATER,
    "080": LATER,
    "081": LATER,
    "083": LATER,
    "085": "proved by the door's own tests (tests/stations); not yet played by this number",
    "086": "proved by the listeners' own tests (tests/stations/transport); not yet played by this number",
    "087": "proved by the listeners' own tests (tests/stations/transport); not yet played by this number",
    "088": "proved by the door's own tests (tests/stations); not yet played by this number",
}

OCPP_201 = dict.fromkeys(
    listed("""
        A_04 A_06 A_07 A_08 A_11 A_14 A_19 B_25 B_26 B_27 B_31 B_42 B_44 L_01 L_02 L_03 L_04 L_05 L_06
        L_07 L_08 L_09 L_10 L_11 L_13 M_01 M_02 M_05 M_13 M_18 M_19 M_20 M_21 N_25 N_27 N_28 N_29 N_30
        N_31 N_32 N_34 N_35 N_36 N_62
    """),
    LATER,
)

OCPP_201_MORE: dict[str, str] = {}
