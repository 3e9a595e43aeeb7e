"""Help: says in plain words why a charge did not start or gave nothing, keeps cases with their clock, gives remedies to
the people who help, and tells drivers what concerns them. It reads what the packages below have stored and asks them
for every remedy; it never bills, starts or resets by itself.
"""
