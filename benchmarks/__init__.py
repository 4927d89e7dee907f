"""Measurements, not tests: they print what this machine did, and nothing fails because it was slow."""
