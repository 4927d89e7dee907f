"""One file per ATS. The folder is the registry: a file added here is an ATS supported."""
