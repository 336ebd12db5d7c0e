"""Several ensembles at once: a crystal at constant pressure, the same at constant volume, and a liquid."""
