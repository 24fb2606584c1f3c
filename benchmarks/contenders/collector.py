"""Python's garbage collector, as docs/deployment.md recommends: for every contender in Python."""

import gc


def spare_what_was_imported() -> None:
    """Keep the collector from walking through it again and again. Comes after all imports."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
