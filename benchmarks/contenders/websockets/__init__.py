"""The websockets library with its own `broadcast`."""
