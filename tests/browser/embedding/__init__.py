"""A site that has rooms of the chat in a page of its own."""
