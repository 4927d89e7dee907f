"""Bytes -> StageChange: what an ATS sent, believed or refused, then translated into our words."""
