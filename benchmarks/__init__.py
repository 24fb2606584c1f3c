"""Side-by-side measurements of the hub and of other ways to do the same (Linux only).

`contenders/` has a folder for each thing that is measured, `measures/` a module for each thing that
is measured of it; `chat/load` is the one load generator they all share.
"""
