"""python-socketio: what many reach for where they would like Socket.IO's clients."""
