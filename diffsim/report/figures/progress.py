"""How the fit went: loss and parameters against the update."""

import numpy as np

from diffsim.report.figures.base import AFTER, AbstractFigure, Drawing, blank
from diffsim.report.results import Results, loss_of, values_of


class Progress(AbstractFigure):
    """Loss on a logarithmic scale above, the change of each trained parameter below."""

    def draw(self, results: Results) -> Drawing:
        steps = [0, *(update.step for update in results.history)]
        loss = [loss_of(results.fitted, results.predicted_before), *(update.loss for update in results.history)]
        traces = _traces(results)
        figure, (above, below) = blank(3.6, panels=2, sharex=True)
        above.semilogy(steps, loss, color=AFTER)
        above.set_ylabel("loss ½Σr²")
        for name, values in traces.items():
            below.plot(steps, 100 * (values - values[0]) / (abs(values[0]) or 1.0), label=name)
        below.set_ylabel("change of parameter (%)")
        below.set_xlabel("update")
        if 0 < len(traces) <= 16:
            figure.legend(*below.get_legend_handles_labels(), loc="outside lower center", ncols=4)
        caption = "Loss after each update, and how far each parameter has moved (one that starts at zero: times 100)."
        return Drawing(figure, {"update": steps, "loss": loss} | {n: v.tolist() for n, v in traces.items()}, caption)


def _traces(results: Results) -> dict[str, np.ndarray]:
    """Each number of each trained parameter over the updates."""
    runs = [values_of(results.before), *(update.parameters for update in results.history)]
    found = {}
    for name in results.trained:
        values = np.array([run[name] for run in runs])
        for place in np.ndindex(values.shape[1:]):
            label = name + (f"[{','.join(map(str, place))}]" if place else "")
            found[label] = values[(slice(None), *place)]
    return found
