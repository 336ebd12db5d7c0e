"use strict";
// The sensitivity card: value + slope · change, for every prediction, band and mode of the mesh.
(() => {
  const data = JSON.parse(document.getElementById("sensitivity").textContent);
  const changes = data.parameters.map(() => 0); // of ln |θ|, or of θ where θ = 0
  const WIDEST = 0.3;
  const SVG = "http://www.w3.org/2000/svg";
  const make = (name, attributes = {}, text = "") => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.textContent = text;
    return node;
  };
  const draw = (parent, name, attributes, text = "") => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.textContent = text;
    parent.append(node);
    return node;
  };
  const moved = (value, slope) => slope.reduce((sum, s, i) => sum + s * changes[i], value);
  const logarithm = (share) => Math.log1p(share);
  const shown = (value) => Number(value.toPrecision(6)).toString();
  const digits = (scale) => Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(scale))));

  const sliders = document.getElementById("sliders");
  const outputs = data.parameters.map((parameter, i) => {
    const line = make("label", { class: "slider" });
    const value = make("output", { id: `value-${i}` }, shown(parameter.value));
    const input = make("input", { type: "range", min: -WIDEST, max: WIDEST, step: 0.001, value: 0, id: `slider-${i}` });
    input.setAttribute("aria-label", parameter.label);
    const range = make("div", { class: "range" });
    const [low, high] = parameter.confirmed;
    const green = make("span");
    green.style.left = `${(100 * (low + WIDEST)) / (2 * WIDEST)}%`;
    green.style.width = `${(100 * (high - low)) / (2 * WIDEST)}%`;
    range.append(green);
    input.addEventListener("input", () => move(i, Number(input.value)));
    line.append(make("span", {}, parameter.label), value, input, range);
    sliders.append(line);
    return { value, input };
  });
  const reset = make("button", { type: "button", id: "reset" }, "back to the fit");
  reset.addEventListener("click", () => outputs.forEach((output, i) => { output.input.value = 0; move(i, 0); }));
  const beyond = make("div", { class: "beyond", id: "beyond" });
  sliders.append(reset, beyond);

  function move(i, share) {
    const parameter = data.parameters[i];
    const plain = !parameter.logarithmic;
    changes[i] = plain ? share : logarithm(share);
    const value = plain ? parameter.value + share * parameter.size : parameter.value * (1 + share);
    outputs[i].value.textContent = shown(value);
    const outside = data.parameters.filter((p, j) => {
      const at = Number(outputs[j].input.value);
      return at < p.confirmed[0] - 1e-9 || at > p.confirmed[1] + 1e-9;
    });
    beyond.textContent = outside.length ? `not confirmed so far: ${outside.map((p) => p.label).join(", ")}` : "";
    refresh();
  }

  const rows = data.outputs.map((output, i) => ({ output, cell: make("td", { class: "number", id: `output-${i}` }) }));
  const table = make("table");
  const head = make("tr");
  for (const [text, kind] of [["quantity", ""], ["", ""], ["unit", ""], ["reference", "number"], ["fit", "number"], ["now", "number"]])
    head.append(make("th", { class: kind }, text));
  table.append(head);
  for (const { output, cell } of rows) {
    const line = make("tr");
    const text = (value) => (value === null ? "" : value.toFixed(digits(output.scale)));
    line.append(make("td", {}, output.name), make("td", {}, output.kind), make("td", {}, output.unit));
    line.append(make("td", { class: "number" }, text(output.reference)), make("td", { class: "number" }, text(output.value)), cell);
    table.append(line);
  }
  const wide = make("div", { class: "wide" });
  wide.append(table);
  document.getElementById("outputs").append(wide);

  const plots = data.bands.map(plot);
  if (!data.bands.length) document.getElementById("plots").remove();

  function plot(bands) {
    const [width, height, left, top, bottom, gap, beside] = [640, 340, 42, 8, 26, 14, 110];
    const all = bands.frequencies.flat().concat(bands.reference.flat());
    const highest = 1.15 * Math.max(...all), lowest = Math.min(0, ...all);
    const inner = width - left - gap - beside - 4;
    const x = (place) => left + (inner * place) / bands.path[bands.path.length - 1];
    const y = (frequency) => top + ((height - top - bottom) * (highest - frequency)) / (highest - lowest);
    const svg = draw(document.getElementById("plots"), "svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
    draw(svg, "title", {}, "phonon bands and density of states");
    const text = (at, up, words, anchor = "middle") => draw(svg, "text", { x: at, y: up, "font-size": 11, "text-anchor": anchor }, words);
    bands.ticks.forEach((tick, i) => {
      draw(svg, "line", { x1: x(tick), x2: x(tick), y1: top, y2: height - bottom, stroke: "#bbb", "stroke-width": 0.6 });
      text(x(tick), height - 10, bands.labels[i]);
    });
    const stride = [0.5, 1, 2, 5, 10, 20].find((s) => highest / s < 8) || 50;
    for (let f = 0; f <= highest; f += stride) text(left - 6, y(f) + 4, String(f), "end");
    text(12, top + 10, "THz", "start");
    const right = left + inner + gap;
    draw(svg, "rect", { x: right, y: top, width: beside, height: height - top - bottom, fill: "none", stroke: "#bbb", "stroke-width": 0.6 });
    text(right + beside / 2, height - 10, "DOS");
    const line = (color, dash) => draw(svg, "path", { fill: "none", stroke: color, "stroke-width": 1.2, "stroke-dasharray": dash });
    const track = (values) => {
      let path = "";
      for (let band = 0; band < values[0].length; band++)
        values.forEach((row, q) => { path += `${q === 0 || bands.cuts.includes(q) ? "M" : "L"}${x(bands.path[q]).toFixed(1)},${y(row[band]).toFixed(1)}`; });
      return path;
    };
    const grid = Array.from({ length: 160 }, (_, i) => lowest + ((highest - lowest) * i) / 159);
    const density = (modes) => grid.map((at) => {
      let sum = 0;
      modes.forEach((row, q) => row.forEach((f) => { sum += bands.mesh_weights[q] * Math.exp(-0.5 * ((at - f) / bands.width) ** 2); }));
      return sum / (bands.width * Math.sqrt(2 * Math.PI));
    });
    const fitted = density(bands.mesh_frequencies);
    const most = 1.3 * Math.max(...fitted, ...bands.density_reference.density);
    const outline = (frequencies, values) => frequencies.map((f, i) => `${i ? "L" : "M"}${(right + (beside * values[i]) / most).toFixed(1)},${y(f).toFixed(1)}`).join("");
    line("#1f1f1f", "2 3").setAttribute("d", track(bands.reference));
    const inside = bands.density_reference.frequencies.map((f, i) => [f, bands.density_reference.density[i]]).filter(([f]) => f <= highest);
    if (inside.length) line("#1f1f1f", "2 3").setAttribute("d", outline(inside.map((p) => p[0]), inside.map((p) => p[1])));
    line("#9a9a9a", "").setAttribute("d", track(bands.frequencies));
    line("#9a9a9a", "").setAttribute("d", outline(grid, fitted));
    const now = line("#c8442b", ""), states = line("#c8442b", "");
    document.getElementById("plots").append(make("p", { class: "note" }, `dotted: ${bands.reference_name}; grey: the fit; red: now, to first order`));
    return () => {
      now.setAttribute("d", track(bands.frequencies.map((row, q) => row.map((f, b) => moved(f, bands.slopes[q][b])))));
      const modes = bands.mesh_frequencies.map((row, q) => row.map((f, b) => moved(f, bands.mesh_slopes[q][b])));
      states.setAttribute("d", outline(grid, density(modes)));
    };
  }

  function refresh() {
    for (const { output, cell } of rows)
      cell.textContent = output.value === null ? "" : moved(output.value, output.slope.map((s) => s ?? 0)).toFixed(digits(output.scale));
    for (const update of plots) update();
  }
  refresh();
})();
