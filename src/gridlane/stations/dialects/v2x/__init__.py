"""OCPP 2.0.1 and 2.1. The second holds all of the first, so its tables are those of 2.0.1 and what it adds."""
