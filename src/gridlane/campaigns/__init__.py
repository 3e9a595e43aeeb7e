"""Changing many stations without breaking many: firmware in waves, configuration kept as a template says.

Knows which stations are meant, how far each is, and when to stop; sends nothing itself but asks for tracked operations,
and believes only what stations report afterwards. Never decides what a firmware is good for.
"""
