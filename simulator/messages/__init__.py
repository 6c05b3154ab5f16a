"""A Messages API over real HTTP whose answers come from a `Brain`; speaks JSON and server-sent events.

Imports nothing from the product. `server.MessagesServer` is the way in.
"""
