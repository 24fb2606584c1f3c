"""What ``manage.py chat_tail`` is made of: one client of one room, in a terminal or a pipe."""
