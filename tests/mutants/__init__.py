"""Mutants: the product with one safeguard taken out. Each must turn the tests red that guard it, or they guard nothing.

It is a program and not a part of the test suite: `make mutants`.
"""
