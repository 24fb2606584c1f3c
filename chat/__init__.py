"""A real-time hub for Django sites: WebSocket sessions, rooms, a durable log, presence."""

__version__ = "0.1.0"
