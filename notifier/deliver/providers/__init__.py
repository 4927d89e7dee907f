"""One file per mail provider. The folder is the registry: a file added here is a provider supported."""
