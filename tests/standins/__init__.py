"""Real servers that stand in for the outside: they check what they are sent and can be told to misbehave."""
