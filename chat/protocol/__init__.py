"""The wire, version 1: commands, events, and their two dialects. Pure: no Django, no asyncio."""

VERSION = 1
SUBPROTOCOL = "chat.v1.json"
MAIN = "main"
"""The room that is always there."""
