"""The candidate close-the-loop notifier.

An application owes its candidate an answer until the candidate has been told, and every step towards that answer is a
row in the database before it is anything else.

Imports point downward only; import-linter holds it::

    wsgi -> workers -> notifier.app | notifier.cli -> notifier.web -> notifier.flow
         -> notifier.ingest | notifier.decide | notifier.deliver | notifier.store -> notifier.core
"""
