"""The processes: everything that knows RQ, Redis, signals and schedules.

========  =========================================================  =================================================
process   does                                                       start more of it when
========  =========================================================  =================================================
web       takes webhooks, shows the dashboard                        webhooks are answered slowly
worker    plans and sends, woken through RQ                          the oldest due message gets older
relay     finds what is due, leased too long or forgotten, nudges    never for speed; a second one for safety
========  =========================================================  =================================================

On one machine `notifier up` starts all of it; there the relay is a thread of the worker, because one more process would
cost 100 MB for little.

Losing Redis costs delay, never a message: the relay works by itself while nobody can be nudged.
"""
