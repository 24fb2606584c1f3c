"""``manage.py chat_…``."""
