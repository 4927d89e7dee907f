"""Message -> e-mail -> provider -> feedback."""
