"""Pages for everybody who scans the code on a plug: price, payment, start, live charge, receipt. Drawn on the server,
read by any browser, without an account and without a script. They show what ``billing.checkout`` and ``places`` know
and decide nothing.
"""
