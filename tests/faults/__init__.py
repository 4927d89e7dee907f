"""The catalogue of faults: every function name begins with the id of its case; docs/faults.md is the list."""
