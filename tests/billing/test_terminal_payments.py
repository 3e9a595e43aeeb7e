"""What is paid and typed at a station's own terminal, over a real socket, seen by the API."""

import pytest

from gridlane.ocpp.version import Version


@pytest.mark.parametrize(
    ("typed", "status", "kept"),
    [("DE 136,695 976", "Accepted", "DE136695976"), ("DE136695977", "Rejected", "DE136695977")],
)
async def test_a_tax_number_is_checked_and_kept(installation, typed, status, kept):
    async with await installation.station("CP-1", Version.V21) as station:
        await station.boot()
        told = await station.call("VatNumberValidation", {"vatNumber": typed, "evseId": 1})
        assert (told.status, told.vat_number, told.evse_id) == (status, typed, 1)
        assert await installation.sql("SELECT number, valid, evse FROM presented_vat_numbers") == [
            (kept, status == "Accepted", 1)
        ]


async def test_a_settlement_told_twice_is_one_payment(installation):
    told = {
        "transactionId": "tx-1",
        "pspRef": "PSP-7",
        "status": "Failed",
        "settlementAmount": 12.34,
        "settlementTime": "2026-05-04T12:00:00Z",
    }
    async with await installation.station("CP-1", Version.V21) as station:
        await station.boot()
        await station.call("NotifySettlement", told)
        await station.call("NotifySettlement", told | {"status": "Settled", "receiptId": "R-1"})
        (payment,) = (await installation.get("/terminal-payments", station_id=station.id))["items"]
        assert (payment["status"], payment["transaction"], payment["receipt"]) == ("Settled", "tx-1", "R-1")
        assert float(payment["amount"]) == 12.34
        facts = await installation.sql(
            "SELECT fact::jsonb->>'status' FROM facts WHERE kind = 'terminal_payment_reported' ORDER BY position"
        )
        assert facts == [("Failed",), ("Settled",)]


async def test_the_states_of_a_vehicles_chain_are_answered_over_the_wire(installation):
    one = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": "a" * 64,
        "issuerKeyHash": "b" * 64,
        "serialNumber": "1",
    }
    wish = {"certificateHashData": one, "source": "OCSP", "urls": ["http://ocsp.example/"]}
    async with await installation.station("CP-1", Version.V21) as station:
        await station.boot()
        told = await station.call("GetCertificateChainStatus", {"certificateStatusRequests": [wish]})
        (status,) = told.certificate_status
        assert (status.status, status.certificate_hash_data.serial_number) == ("Failed", "1")
        assert await installation.sql("SELECT 1 FROM quarantined_messages") == []
