const dashes = ["solid", "dash", "dot", "dashdot", "longdash"];

function drawOne(each) {
  const bars = each.kind !== "lines";
  const traces = each.series.map((series, place) => ({
    name: words(series.name), x: each.categories ? series.x.map(words) : series.x, y: series.y,
    type: bars ? "bar" : "scatter", mode: "lines+markers",
    hovertemplate: "%{x}<br>%{y:" + each.format + "}<extra>" + words(series.name) + "</extra>",
    marker: { color: colours()[place % 8], symbol: symbols[place % 8], size: 7,
      line: { color: ink("page"), width: each.kind === "stack" ? 0.5 : 0 } },
    line: { color: colours()[place % 8], width: 2, dash: dashes[place % 5] },
  }));
  const several = traces.length > 1;
  const longest = Math.max(1, ...each.series.map(series => series.x.length));
  document.getElementById(each.id).style.height = (narrow.matches ? 320 : 380) + (several ? 26 * (narrow.matches ? 2 : 1) : 0) + "px";
  return plot(each.id, traces, {
    barmode: each.kind === "stack" ? "stack" : "group", bargap: each.kind === "stack" ? 0 : 0.25, showlegend: several,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
    xaxis: { ...axis(each.x), ...(each.whole ? { tick0: 0, dtick: Math.ceil(longest / 10) } : {}), ...(each.categories ? { type: "category" } : {}) },
    yaxis: { ...axis(each.y), tickformat: each.format === ".1%" ? ".0%" : "", rangemode: each.kind === "lines" ? "normal" : "tozero" },
  });
}

const drawAll = () => content.plots.forEach(drawOne);
drawAll();
whenLooksChange(drawAll);
