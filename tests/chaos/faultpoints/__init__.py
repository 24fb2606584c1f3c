"""Places in which a process of the site fails when a test says so.

An app that only ``tests.chaos.settings`` installs: it puts itself around a few functions of the
hub. What is wanted stands in the file ``FAULT_FILE``, whose absence means nothing:

``before_commit``       killed with the messages written, and not committed
``stop_before_commit``  stopped (SIGSTOP) with the messages written, and not committed
``after_commit``        killed with the messages committed, and nobody told
``after_ack``           killed with the senders told, and nobody else
``mid_fanout``          killed with half of the sessions told
``disk_full``           SQLite finds no more room, as long as the file is there
"""
