"""An ASGI application that does nothing but send: the ceiling of each server."""
