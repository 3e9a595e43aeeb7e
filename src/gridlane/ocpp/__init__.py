"""The wire: OCPP 1.6J, 2.0.1 and 2.1 as a library without IO.

Knows frames, the messages of all three versions (types generated from the official schemas), how one connection
converses (calls, answers, timeouts, limits), which error code a bad frame earns, what real stations get wrong
(``stations.d/``) and how a signed meter value is verified. Lenient in, strict out. It never opens a socket, never asks
the clock and knows nothing of what a message means for the business: that is ``stations/dialects``.
"""
