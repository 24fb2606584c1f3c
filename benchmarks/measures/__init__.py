"""What is measured, a module each. A measure takes a running server and a crowd in its room."""
