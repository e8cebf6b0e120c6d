"use strict";
// Draws the figures of a notebook in the colours of the site, which a reader can change.
const colours = () => {
  const ink = getComputedStyle(document.body).color;
  const axis = { gridcolor: "rgba(128,128,128,.3)", zerolinecolor: "rgba(128,128,128,.3)", automargin: true };
  return { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink }, axis };
};

function drawFigures() {
  document.querySelectorAll("script[data-figure]").forEach(script => {
    const { data, layout } = JSON.parse(script.textContent);
    const { axis, ...own } = colours();
    const title = { ...layout.title, font: { size: 15 }, x: 0, xref: "paper", xanchor: "left" };
    Plotly.react(script.dataset.figure, data, { ...layout, ...own, title, margin: { t: 50, r: 15 },
      xaxis: { ...layout.xaxis, ...axis }, yaxis: { ...layout.yaxis, ...axis },
    }, { displaylogo: false, responsive: true, displayModeBar: false });
  });
}

drawFigures();
new MutationObserver(drawFigures).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
