"""One average of a liquid, its derivative by every method, against the length of the run."""
