// The drawing with what belongs to it: which graphs are drawn, zoom, what the pointer is on, and what the lines mean.

const HINT = "Point at a node or a line, or go through the nodes with the arrow keys; Enter opens an item.";
const hiddenGraphs = new Set();
const keyOf = (graph) => (graph.kind === "learned" ? "learned" : graph.path);

function drawingSection(shown, item) {
  const status = element("p", { class: "small status", role: "status" });
  const say = (words) => (status.textContent = words);
  const canvas = element("div", {
    class: "drawing",
    id: "drawing",
    tabindex: 0,
    role: "application",
    "aria-label": "Graph around the item",
    keydown: drawingKey,
  });
  const draw = () => {
    const chosen = shown.filter((graph) => !hiddenGraphs.has(keyOf(graph)));
    canvas.dataset.neighbours = drawAround(canvas, chosen, item, say);
    say(`${count(Number(canvas.dataset.neighbours), "neighbour")}. ${HINT}`);
  };
  drawOnceSeen(canvas, draw);
  return element(
    "section",
    {},
    element("h3", {}, "Graph around it"),
    element(
      "fieldset",
      { class: "choice" },
      element("legend", {}, "Graphs"),
      shown.map((graph) => graphToggle(graph, draw)),
      element("span", { class: "zoom" }, zoomButtons()),
    ),
    canvas,
    status,
    lineLegend(),
  );
}

/** Draws when the reader comes near, since most look at the lists first. */
function drawOnceSeen(canvas, draw) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      if (canvas.isConnected) draw(); // the reader may have gone on since it was seen
    },
    { rootMargin: "100px" },
  );
  observer.observe(canvas);
}

function graphToggle(graph, draw) {
  const key = keyOf(graph);
  const change = (event) => {
    if (event.target.checked) hiddenGraphs.delete(key);
    else hiddenGraphs.add(key);
    draw();
  };
  const label = graph.kind === "learned" ? ` ${graph.name}, as learned` : ` ${graph.name}`;
  return element("label", {}, element("input", { type: "checkbox", checked: !hiddenGraphs.has(key), change }), label);
}

function zoomButtons() {
  const actions = [
    ["+", "Zoom in", () => zoomDrawing(1.25)],
    ["−", "Zoom out", () => zoomDrawing(0.8)],
    ["fit", "Fit the drawing", fitDrawing],
  ];
  return actions.map(([sign, label, click]) => element("button", { type: "button", "aria-label": label, click }, sign));
}
