"""The load generator: one process, one core, thousands of WebSocket clients. No Django.

It is built so that a delivery costs next to nothing. In a room every session receives the same
bytes, so what a stretch of bytes means is worked out once (`digests`) and for every other socket
found again by comparing bytes. Nothing is sampled in the counting: each socket's number of
deliveries, their checksum and the order of their sequence numbers are checked at the end (`crowd`).

`manage.py chat_bench` loads a deployment with it, and `benchmarks/` of the repository everything
that the hub is compared with.
"""
