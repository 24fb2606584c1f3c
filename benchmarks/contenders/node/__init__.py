"""Node's `ws` and Socket.IO: peers of another runtime."""
