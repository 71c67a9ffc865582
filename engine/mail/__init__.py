"""The mail adapter: templates into messages, messages into bytes, bytes to a server.

It decides nothing (whether a mail may go is `engine.runtime`'s) and stores nothing: what a send
came to is handed back as a value.
"""
