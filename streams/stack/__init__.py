"""The local servers without Docker: download, start, supervision and stop.

`Stack` is the entry point; `streams.app.stack` builds one from the settings.
"""
