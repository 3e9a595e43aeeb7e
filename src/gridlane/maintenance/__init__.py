"""Keep it up: what goes wrong in the street, why, what to do about it, and whether that helped.

Knows rules over what stations show (symptoms), how symptoms of one cause belong together (incidents), what can be tried
from the chair (playbooks), whom to tell (alerts), how a connector drifts (health), and when work is planned (windows). It
asks stations for things only by tracked operations, like a person would, and it never decides about a session or a price.
"""
