"""OCPP 2.0.1, block P: messages of vendors' own, and data of theirs in any message."""


async def test_tc_p_02_a_vendors_message_is_answered_as_unknown(lab, v201):
    async with lab.station(v201) as station:
        answer = await station.call("DataTransfer", {"vendorId": "org.example", "data": "y"})
        assert answer.status in ("UnknownVendorId", "Rejected", "UnknownMessageId")
        await lab.logged("DataTransfer", "%org.example%")


async def test_tc_p_03_custom_data_is_accepted_and_kept(lab, v201):
    async with lab.station(v201) as station:
        custom = {"vendorId": "org.example", "weather": "fine"}
        assert await station.call("Heartbeat", {"customData": custom}) is not None
        await lab.logged("Heartbeat", "%weather%")
