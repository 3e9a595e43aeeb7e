"""What charging costs: the tariff model of OCPI, the price of a session, and who gets which tariff when.

It knows tariffs and their versions, spot prices, busy surcharges, assignments and their precedence, and it prices a
session as a pure function of its periods, a frozen tariff and the site's time zone. It never knows a driver, a payment
or an invoice: `billing` turns its lines into money that changes hands.
"""
