"""Nouns and laws: standard library only, no clock, no input or output.

Everything here is a frozen value, a table of allowed moves or a pure function, so that the laws can be tried thousands
of times a second without a database.
"""
