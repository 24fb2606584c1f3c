"""The hub: one per process (strictly, per event loop), the owner of everything live."""
