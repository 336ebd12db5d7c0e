"""Data sets of labelled structures, the reference data that come with the package, and batches for `vmap`."""
