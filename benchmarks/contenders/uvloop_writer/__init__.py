"""Prepared WebSocket frames written to bare uvloop transports: the ceiling of Python."""
