"""How the fit went: loss and parameters against the update."""

import numpy as np

from diffsim.report.figures.base import AFTER, AbstractFigure, Columns, Drawing, blank
from diffsim.report.results import Results, Shown, values_of

_FIXED = ("update", "evaluations", "loss")


class Progress(AbstractFigure):
    """Loss on a logarithmic scale above, the change of each trained parameter below."""

    @property
    def experiment(self) -> None:
        return None

    def columns(self, results: Results, shown: Shown | None) -> Columns:
        updates = results.history
        fixed = {
            "update": [0, *(update.step for update in updates)],
            "evaluations": [1, *(update.evaluations for update in updates)],
            "loss": [results.first_loss, *(update.loss for update in updates)],
        }
        return fixed | {name: values.tolist() for name, values in _traces(results).items()}

    def draw(self, columns: Columns) -> Drawing:
        steps, traces = columns["update"], {n: np.array(c) for n, c in columns.items() if n not in _FIXED}
        figure, (above, below) = blank(3.6, panels=2, sharex=True)
        above.semilogy(steps, columns["loss"], color=AFTER)
        above.set_ylabel("loss ½Σr²")
        for name, values in traces.items():
            below.plot(steps, 100 * (values - values[0]) / (abs(values[0]) or 1.0), label=name)
        below.set_ylabel("change of parameter (%)")
        below.set_xlabel("update")
        if 0 < len(traces) <= 16:
            figure.legend(*below.get_legend_handles_labels(), loc="outside lower center", ncols=4)
        caption = "Loss after each update, and how far each parameter has moved (one that starts at zero: times 100)."
        return Drawing(figure, caption)


def _traces(results: Results) -> dict[str, np.ndarray]:
    """Each number of each trained parameter over the updates; of a long array, its norm."""
    runs = [values_of(results.before), *(update.parameters for update in results.history)]
    found = {}
    for name in results.trained:
        if isinstance(runs[0][name], dict):
            found[f"‖{name}‖"] = np.array([run[name]["norm"] for run in runs])
            continue
        values = np.array([run[name] for run in runs])
        for place in np.ndindex(values.shape[1:]):
            label = name + (f"[{','.join(map(str, place))}]" if place else "")
            found[label] = values[(slice(None), *place)]
    return found
