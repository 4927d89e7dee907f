"""One module per ATS that can be asked; the folder is the registry (`notifier.pull.registry`)."""
