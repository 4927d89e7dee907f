"""The chaos run: real processes under kill -9, and a checker that believes only what the mails' receiver wrote."""
