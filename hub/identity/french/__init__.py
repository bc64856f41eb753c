"""What people type in France when they say who somebody is, and what may be compared of it.

Usable on its own: text, names, dates, places, contacts and numbers, each in its module; ``person`` puts them together.
"""
