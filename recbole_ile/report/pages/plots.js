"use strict";
const content = JSON.parse(document.getElementById("content").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 700px)");
const ink = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
// Of Okabe and Ito; yellow and black give way to what is seen on light and on dark.
const colours = () => [...(dark.matches ? ["#56B4E9", "#E69F00", "#2FC79A", "#E08BBF", "#9DB7FF", "#FF8A4C", "#F0E442"]
  : ["#0072B2", "#B87500", "#007A5A", "#B0457F", "#2D8EC4", "#D55E00", "#8B4513"]), ink("text")];
const symbols = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "star"];

// Plotly takes some HTML in texts for itself, links too.
const words = text => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function element(name, text, parent) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.appendChild(made);
  return made;
}

// A column of whole numbers shows them so, any other four decimals, and shares per cent.
function shown(values, column) {
  const share = column.includes("_share");
  const whole = values.every(value => typeof value !== "number" || Number.isInteger(value));
  return value => {
    if (value === null || value === undefined) return "-";
    if (typeof value !== "number") return value;
    if (share) return (100 * value).toFixed(1);
    return whole ? String(value) : value.toFixed(4);
  };
}

const titled = column => (column.includes("_share") ? "% " + column.replace("_share", "") : column).replace(/_/g, " ");

function table(caption, rows, columns, parent) {
  const region = element("div", undefined, parent);
  region.className = "wide";
  region.tabIndex = 0;
  region.setAttribute("role", "region");
  region.setAttribute("aria-label", caption);
  const made = element("table", undefined, region);
  made.className = "numbers";
  element("caption", caption, made);
  const head = element("tr", undefined, element("thead", undefined, made));
  columns.forEach(column => element("th", titled(column), head).scope = "col");
  const body = element("tbody", undefined, made);
  const texts = columns.map(column => shown(rows.map(row => row[column]), column));
  rows.forEach(row => {
    const line = element("tr", undefined, body);
    columns.forEach((column, place) => {
      const cell = element(place ? "td" : "th", texts[place](row[column]), line);
      if (!place) cell.scope = "row";
    });
  });
  return made;
}

// What all plots have in common; an axis is given by its title or by more.
const axis = title => ({ title: { text: words(title), standoff: 8 }, gridcolor: ink("line"), zerolinecolor: ink("line"),
  linecolor: ink("soft"), automargin: true });

function plot(id, traces, layout) {
  return Plotly.react(id, traces, {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest",
    font: { family: "system-ui, sans-serif", size: narrow.matches ? 12 : 14, color: ink("text") },
    hoverlabel: { bgcolor: ink("band"), bordercolor: ink("line"), font: { color: ink("text") } },
    margin: { t: 34, r: 14, l: 60, b: 50 },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: ink("soft"), activecolor: ink("text") },
    ...layout,
  }, { displaylogo: false, responsive: true, displayModeBar: narrow.matches ? false : "hover",
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]] });
}

// Plots are drawn again when the colours change, or the room.
function whenLooksChange(draw) {
  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
}
