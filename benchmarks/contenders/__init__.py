"""The things that are measured, a folder each. `registry` lists them."""
