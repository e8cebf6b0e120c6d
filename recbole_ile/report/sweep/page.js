function details(point) {
  const panel = document.getElementById("details");
  panel.replaceChildren();
  const heading = element("h2", point.label + (point.recommended ? " (recommended)" : ""), panel);
  heading.tabIndex = -1;
  const command = element("pre", undefined, panel);
  element("code", point.command, command);
  const tables = element("div", undefined, panel);
  tables.className = "side";
  const metrics = Object.keys(point.mean).map(metric => ({
    metric,
    validation: point.mean[metric],
    "± over seeds": point.seeds > 1 ? point.spread[metric] : null,
    test: point.test ? point.test[metric] : null,
  }));
  const columns = ["metric", "validation", ...(point.seeds > 1 ? ["± over seeds"] : []), ...(point.test ? ["test"] : [])];
  table("metrics, " + point.seeds + (point.seeds > 1 ? " seeds" : " seed"), metrics, columns, tables);
  for (const [name, title] of [["by_user_group", "user groups"], ["by_item_group", "item groups"]]) {
    if (!point[name] || point[name].length === 0) continue;
    const rows = [...point[name], ...(point.gaps?.[name] ?? [])];
    table(title + ", " + point.part + " part", rows, Object.keys(point[name][0]), tables);
  }
  return heading;
}

// Of a sweep across models the colour tells the base model and the symbol what is on it; of one model both tell the line.
const families = content.families;
const hidden = new Set();
const lines = [...new Set(content.points.map(point => point.line))].sort();
const symbolsOf = new Map(families.map(family =>
  [family, lines.filter(line => content.points.some(point => point.line === line && point.family === family))]));
const visible = () => content.points.filter(point => !hidden.has(point.family));

function look(point) {
  const place = lines.indexOf(point.line);
  if (families.length === 0) return { colour: colours()[place % 8], symbol: symbols[place % 8] };
  return { colour: colours()[families.indexOf(point.family) % 8],
    symbol: symbols[symbolsOf.get(point.family).indexOf(point.line) % 8] };
}

function draw(metric) {
  const accuracy = content.accuracy.metric;
  const points = visible();
  const title = content.fairness.find(each => each.metric === metric).title;
  const series = [...new Set(points.map(point => point.series))];
  const named = new Set();
  const traces = series.map(number => {
    const members = points.filter(point => point.series === number).sort((a, b) => a.rank - b.rank);
    const name = members[0].line;
    const style = look(members[0]);
    const showlegend = !named.has(name);
    named.add(name);
    const bar = metric => ({ array: members.map(point => point.spread[metric]), visible: members.some(point => point.seeds > 1), thickness: 1 });
    return {
      name: words(name), showlegend, legendgroup: name, mode: members.length > 1 ? "lines+markers" : "markers", type: "scatter",
      x: members.map(point => point.mean[metric]), y: members.map(point => point.mean[accuracy]),
      error_x: bar(metric), error_y: bar(accuracy),
      text: members.map(point => words(point.label)), customdata: members.map(point => point.number),
      hovertemplate: "%{text}<br>" + accuracy + " %{y:.4f}<br>" + metric + " %{x:.4f}<extra></extra>",
      line: { color: style.colour, width: 1 }, marker: { symbol: style.symbol, size: 10 },
    };
  });
  const front = points.filter(point => point.front).sort((a, b) => a.mean[metric] - b.mean[metric]);
  const best = points.filter(point => point.recommended);
  const joined = content.objectives.includes(metric) ? "lines+markers" : "markers";
  traces.unshift({ name: "front", mode: joined, hoverinfo: "skip", x: front.map(point => point.mean[metric]),
    y: front.map(point => point.mean[accuracy]), line: { color: "rgba(128,128,128,.35)", width: 8 },
    marker: { color: "rgba(128,128,128,.35)", size: 20 } });
  traces.push({ name: "recommended", mode: "markers", hoverinfo: "skip", x: best.map(point => point.mean[metric]),
    y: best.map(point => point.mean[accuracy]), marker: { symbol: "circle-open", size: 20, color: ink("text"), line: { width: 2 } } });
  const box = document.getElementById("front");
  const entries = Math.ceil((named.size + 2) / (narrow.matches ? 1 : 4));
  box.style.height = (narrow.matches ? 330 : 450) + 22 * entries + "px";
  return plot("front", traces, {
    legend: { orientation: "h", y: -0.17, yanchor: "top", x: 0 },
    xaxis: axis(title + ", validation"), yaxis: axis(content.accuracy.title + (narrow.matches ? "" : ", validation")),
  });
}

// Every metric over the number that was swept, a line for the settings that differ in it alone.
function drawWeights() {
  const metrics = [content.accuracy, ...content.fairness];
  const base = content.points.find(point => point.baseline);
  const swept = visible().filter(point => typeof point.weight === "number");
  const traces = [], shapes = [], layout = {};
  metrics.forEach((each, panel) => {
    const end = panel ? panel + 1 + "" : "";
    [...new Set(swept.map(point => point.series))].forEach(number => {
      const members = swept.filter(point => point.series === number).sort((a, b) => a.weight - b.weight);
      const style = look(members[0]);
      traces.push({
        name: words(members[0].line), showlegend: false, mode: "lines+markers", type: "scatter", xaxis: "x" + end, yaxis: "y" + end,
        x: members.map(point => point.weight), y: members.map(point => point.mean[each.metric]),
        error_y: { array: members.map(point => point.spread[each.metric]), visible: members.some(point => point.seeds > 1), thickness: 1 },
        text: members.map(point => words(point.label)), hovertemplate: "%{text}<br>" + each.metric + " %{y:.4f}<extra></extra>",
        line: { color: style.colour, width: 1 }, marker: { symbol: style.symbol, size: 7 },
      });
    });
    if (base) shapes.push({ type: "line", xref: "x" + end + " domain", x0: 0, x1: 1, yref: "y" + end,
      y0: base.mean[each.metric], y1: base.mean[each.metric], line: { color: ink("soft"), width: 1, dash: "dot" } });
    layout["xaxis" + end] = axis(content.weight);
    layout["yaxis" + end] = { ...axis(each.title), title: { text: words(each.title).replace(" (", "<br>("), standoff: 4 } };
  });
  const columns = narrow.matches ? 1 : Math.min(metrics.length, 2);
  const rows = Math.ceil(metrics.length / columns);
  document.getElementById("over").hidden = false;
  document.getElementById("weights").style.height = 310 * rows + "px";
  return plot("weights", traces, { ...layout, shapes, grid: { rows, columns, pattern: "independent", ygap: 0.35, xgap: 0.2 } });
}

const chosenAxis = document.getElementById("axis");

function drawAll() {
  families.forEach((family, place) => document.getElementById("family" + place).style.color = colours()[place % 8]);
  if (content.weight !== null) drawWeights();
  return draw(chosenAxis.value);
}

// A check box for each base model.
families.forEach((family, place) => {
  const panel = document.getElementById("families");
  panel.hidden = false;
  const label = element("label", undefined, panel);
  const box = element("input", undefined, label);
  box.type = "checkbox";
  box.checked = true;
  element("span", " " + family, label).id = "family" + place;
  box.addEventListener("change", () => {
    if (box.checked) hidden.delete(family); else hidden.add(family);
    drawAll();
  });
});

// The recommended setting's groups beside the baseline's.
content.against.forEach(each =>
  table(each.title, each.rows, Object.keys(each.rows[0]), document.getElementById("against")));

content.fairness.forEach(each => element("option", each.metric, chosenAxis));
chosenAxis.addEventListener("change", () => draw(chosenAxis.value));
drawAll().then(() => document.getElementById("front").on("plotly_click", event => {
  const number = event.points.map(point => point.customdata).find(each => each !== undefined);
  if (number !== undefined) details(content.points[number]);
}));
whenLooksChange(drawAll);
const chosen = content.points.find(point => point.recommended);
if (chosen) details(chosen);
const columns = [content.accuracy.metric, ...content.fairness.map(each => each.metric)];
const rows = table("Means of the validation part",
  content.points.map(point => ({ setting: point.label, front: point.front ? "yes" : "", ...point.mean })),
  ["setting", "front", ...columns], document.getElementById("all"));
[...rows.tBodies[0].rows].forEach((row, number) => {
  const point = content.points[number];
  if (point.recommended) row.className = "chosen";
  const button = element("button", point.label);
  button.className = "link";
  row.cells[0].replaceChildren(button);
  button.addEventListener("click", () => {
    const heading = details(point);
    heading.scrollIntoView({ block: "center" });
    heading.focus();
  });
});
