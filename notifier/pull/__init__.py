"""Asking an ATS what changed, for the time in which its web hooks did not arrive: a port, and a file per ATS."""
