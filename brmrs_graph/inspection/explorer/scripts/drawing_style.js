// How the drawing of a graph looks; its colours are those of the page, light or dark.

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const DASHES = [
  [7, 4],
  [2, 4],
  [10, 4, 2, 4],
  [1, 3],
];

function drawingStyle() {
  const perModality = meta.content.map((name, m) => ({
    selector: `edge.only-${m}`,
    style: {
      "line-style": "dashed",
      "line-dash-pattern": DASHES[m % DASHES.length],
      "line-color": colour(`--m${m % 4}`),
    },
  }));
  return [
    {
      selector: "node",
      style: {
        shape: "round-rectangle",
        width: 34,
        height: 34,
        "background-color": colour("--panel"),
        "border-width": 1.5,
        "border-color": colour("--soft"),
        label: "data(label)",
        color: colour("--ink"),
        "font-size": 8,
        "font-family": "system-ui, sans-serif",
        "text-wrap": "wrap",
        "text-max-width": 74,
        "text-valign": "bottom",
        "text-margin-y": 3,
        "text-background-color": colour("--ground"),
        "text-background-opacity": 0.8,
        "text-background-padding": 1,
      },
    },
    {
      selector: "node[picture]",
      style: { "background-image": "data(picture)", "background-fit": "contain", "background-color": "#fff" },
    },
    {
      selector: "node.centre",
      style: {
        width: 52,
        height: 52,
        "border-width": 4,
        "border-color": colour("--ink"),
        "font-size": 10,
        "font-weight": "bold",
      },
    },
    {
      selector: "node.cursor",
      style: { "border-width": 4, "border-color": colour("--link"), "border-style": "double" },
    },
    { selector: "edge", style: { width: 1, "line-color": colour("--soft"), "curve-style": "straight" } },
    { selector: "edge.learned", style: { width: 1, "line-color": colour("--soft"), opacity: 0.7 } },
    ...perModality,
    { selector: "edge.content", style: { width: 1.8 } },
    { selector: "edge.all", style: { width: 3.5, "line-color": colour("--ink") } },
    {
      selector: "edge.differ",
      style: {
        label: "≠",
        "font-size": 11,
        color: colour("--worse"),
        "font-weight": "bold",
        "text-background-color": colour("--ground"),
        "text-background-opacity": 1,
        "text-background-shape": "round-rectangle",
      },
    },
    { selector: "edge.aside", style: { opacity: 0.45 } },
  ];
}

/** What the lines mean, with a piece of each. */
function lineLegend() {
  const line = (width, dash, stroke) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "line");
    svg.setAttribute("viewBox", "0 0 36 8");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", "M0 4H36");
    path.setAttribute("style", `stroke: var(${stroke}); stroke-width: ${width}; stroke-dasharray: ${dash.join(" ")}`);
    svg.append(path);
    return svg;
  };
  const parts = meta.content.map((name, m) => [
    line(2, DASHES[m % DASHES.length], `--m${m % 4}`),
    `neighbours in ${name} alone`,
  ]);
  if (meta.content.length > 1) {
    parts.unshift([line(4, [], "--ink"), `in ${meta.content.length === 2 ? "both" : "several"}`]);
    parts.push([mark("different", "≠", ""), "different in another modality"]);
  }
  if (meta.learned.length) parts.push([line(1, [], "--soft"), "only as learned"]);
  return element(
    "p",
    { class: "legend" },
    parts.map((part) => element("span", {}, part)),
  );
}
