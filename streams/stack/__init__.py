"""The local servers without Docker: fetched, started, watched and stopped.

`Stack` is the way in; `streams.app.stack` builds one from the settings.
"""
