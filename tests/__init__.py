"""Tests: a mirror of the source, plus journeys, contracts, laws and end-to-end tests."""
