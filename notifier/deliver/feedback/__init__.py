"""One file per mail provider that reports what became of a mail. The folder is the registry, as for `providers`."""
