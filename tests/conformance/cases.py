"""The numbers of the published test cases for a central system. Ids are facts; their texts are not here."""


def listed(ids: str) -> list[str]:
    return ids.split()


OCPP_16 = listed("""
    001 003 004_1 004_2 005_1 007 010 011_1 011_2 012 013 014 017_1 017_2 018_1 019_1 019_2 021 023_1 023_2
    023_3 024 026 028 030 031 032_1 037_1 037_3 039 040_1 040_2 061 064 044_1 044_2 044_3 045_1 045_2 042_1
    042_2 043_1 043_3 043_4 043_5 054 055 046 047 048_1 048_2 048_3 048_4 049 051 052 053 073 074 075_1
    075_2 076 077 078 079 080 081 083 085 086 087 088 056 057 059 066 067
""")
"""OCPP 1.6: TC_NNN_CSMS."""

OCPP_201 = listed("""
    A_01 A_02 A_03 A_04 A_06 A_07 A_08 A_09 A_10 A_11 A_14 A_19 B_01 B_02 B_06 B_07 B_09 B_10 B_12 B_13 B_20
    B_21 B_22 B_25 B_26 B_27 B_30 B_31 B_42 B_44 C_02 C_06 C_07 C_08 C_20 C_37 C_38 C_39 C_47 C_48 C_49 E_01
    E_02 E_03 E_04 E_07 E_08 E_09 E_10 E_11 E_12 E_14 E_15 E_16 E_17 E_19 E_20 E_21 E_22 E_26 E_29 E_30 E_31
    E_33 E_34 E_38 E_39 E_53 F_01 F_02 F_03 F_04 F_11 F_12 F_13 F_14 F_15 F_18 F_20 F_23 F_24 F_27 G_03 G_04
    G_05 G_06 G_07 G_08 G_11 G_14 G_17 G_20 J_01 J_02 J_03 J_04 J_07 J_08 J_09 J_10 J_11 L_01 L_02 L_03 L_04
    L_05 L_06 L_07 L_08 L_09 L_10 L_11 L_13 M_01 M_02 M_05 M_13 M_18 M_19 M_20 M_21 N_25 N_27 N_28 N_29 N_30
    N_31 N_32 N_34 N_35 N_36 N_62 P_02 P_03
""")
"""OCPP 2.0.1, profiles Core and Advanced Security: TC_X_NN_CSMS."""

OCPP_201_MORE = listed("""
    C_40 C_43 D_01 D_02 D_03 D_04 D_08 D_09 H_01 H_07 H_08 H_14 H_15 H_17 H_19 H_20 H_22 K_01 K_03 K_04 K_05
    K_06 K_08 K_10 K_15 K_19 K_29 K_30 K_31 K_32 K_33 K_34 K_35 K_36 K_37 K_43 K_44 K_60 K_70 N_46
""")
"""OCPP 2.0.1, profiles Local Authorization List, Smart Charging and Reservation."""
