"""Vibrations as a target: what a force field's own density of states tells about its parameters."""
