"""The `notifier` command: everything an operator does that is not a process. One file per group of commands."""
