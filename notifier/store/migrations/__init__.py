"""Migrations: sequential, sayable names, both ways. Run by `notifier db upgrade`."""
