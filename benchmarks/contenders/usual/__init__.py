"""The usual Channels consumer: the chat of the Channels tutorial, a group member per socket."""
