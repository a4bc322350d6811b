// The graph around an item: the item, its neighbours, and the edges among them. Only this is ever drawn.

const drawing = { instance: null, cursor: null, fitted: 1 };
const coarsePointer = () => matchMedia("(pointer: coarse)").matches;

/** Draws graphs around an item into a container; `say` is told what the pointer or cursor is on. */
function drawAround(container, shown, item, say) {
  closeDrawing();
  const { nodes, edges } = surroundings(shown, item);
  const instance = cytoscape({
    container,
    elements: [...nodes, ...edges],
    style: drawingStyle(),
    layout: { name: "preset" },
    boxSelectionEnabled: false,
    autounselectify: true,
    autoungrabify: coarsePointer(),
    // The wheel and a finger scroll the page; buttons and keys zoom. What is zoomed in moves with the finger.
    userZoomingEnabled: false,
    userPanningEnabled: !coarsePointer(),
    maxZoom: 4,
    minZoom: 0.2,
  });
  instance
    .layout({
      name: "cose",
      animate: false,
      randomize: false,
      fit: true,
      padding: 18,
      nodeRepulsion: () => 60000,
      idealEdgeLength: () => 60,
      nodeOverlap: 24,
      gravity: 0.6,
      numIter: 600,
      componentSpacing: 60,
    })
    .run();
  instance.on("tap", "node", (event) => openItem(event.target.data("item")));
  instance.on("mouseover", "node, edge", (event) => say(event.target.data("words")));
  Object.assign(drawing, { instance, cursor: null, fitted: instance.zoom(), item, say });
  return nodes.length - 1;
}

function openItem(item) {
  if (item !== route.get().item) route.go({ item });
}

function surroundings(shown, centre) {
  const members = [
    ...new Set([centre, ...shown.flatMap((graph) => graphs.neighbours(graph, centre).map((n) => n.item))]),
  ];
  const among = new Set(members);
  const edges = new Map();
  for (const from of members) {
    for (const graph of shown) {
      for (const neighbour of graphs.neighbours(graph, from)) {
        if (among.has(neighbour.item)) addEdge(edges, graph, from, neighbour, centre);
      }
    }
  }
  return { nodes: members.map((item, i) => nodeOf(item, i, members.length)), edges: [...edges.values()].map(edgeOf) };
}

function nodeOf(item, i, number) {
  // Nodes start on a circle around the item; the layout goes on from there, the same way every time.
  const angle = (2 * Math.PI * i) / Math.max(number - 1, 1);
  const title = items.title(item);
  const data = { id: String(item), item, label: title.length > 34 ? `${title.slice(0, 33)}…` : title, words: title };
  const picture = items.picture(item);
  if (picture) data.picture = picture;
  const position = i ? { x: 200 * Math.cos(angle), y: 200 * Math.sin(angle) } : { x: 0, y: 0 };
  return { group: "nodes", data, position, classes: i ? "" : "centre" };
}

function addEdge(edges, graph, from, neighbour, centre) {
  const key = [from, neighbour.item].sort((a, b) => a - b).join("-");
  const edge = edges.get(key) ?? { key, from, to: neighbour.item, content: new Set(), learned: null, differ: false };
  if (graph.kind === "content") edge.content.add(graph.name);
  else edge.learned = graph.name;
  if (graph.kind === "content" && verdict(graph, neighbour) === "differ") edge.differ = true;
  edge.aside = from !== centre && neighbour.item !== centre;
  edges.set(key, edge);
}

function edgeOf(edge) {
  const content = [...edge.content];
  const only = content.length === 1 ? `content only-${meta.content.indexOf(content[0])}` : "";
  const kind = content.length > 1 ? "content all" : only || "learned";
  const differ = edge.differ && content.length < meta.content.length ? "differ" : "";
  const where = [...content, ...(edge.learned ? [`${edge.learned} as learned`] : [])];
  const both = `${items.title(edge.from)} – ${items.title(edge.to)}`;
  const words = `${both}: neighbours in ${listing(where)}${differ && ", different in another modality"}`;
  return {
    group: "edges",
    data: { id: edge.key, source: String(edge.from), target: String(edge.to), words },
    classes: [kind, differ, edge.aside ? "aside" : ""].filter(Boolean).join(" "),
  };
}

/** Keys of the drawing: arrows move to the next item in that direction, Enter opens it, + − 0 zoom. */
function drawingKey(event) {
  const { instance } = drawing;
  if (!instance || event.altKey || event.ctrlKey || event.metaKey) return;
  const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key in directions) moveCursor(...directions[event.key]);
  else if (event.key === "Enter" && drawing.cursor) openItem(drawing.cursor.data("item"));
  else if (event.key === "+" || event.key === "=") zoomDrawing(1.25);
  else if (event.key === "-") zoomDrawing(0.8);
  else if (event.key === "0") fitDrawing();
  else return;
  event.preventDefault();
}

function zoomDrawing(factor) {
  const { instance } = drawing;
  const middle = instance && { x: instance.width() / 2, y: instance.height() / 2 };
  instance?.zoom({ level: instance.zoom() * factor, renderedPosition: middle });
  letMove();
}

function fitDrawing() {
  drawing.instance?.fit(undefined, 18);
  letMove();
}

function letMove() {
  const { instance, fitted } = drawing;
  instance?.userPanningEnabled(!coarsePointer() || instance.zoom() > 1.01 * fitted);
}

const restyleDrawing = () => drawing.instance?.style(drawingStyle());

function closeDrawing() {
  drawing.instance?.destroy();
  drawing.instance = null;
}

function moveCursor(dx, dy) {
  const from = drawing.cursor ?? drawing.instance.nodes(".centre")[0];
  let best = null;
  for (const node of drawing.instance.nodes()) {
    const x = node.position("x") - from.position("x");
    const y = node.position("y") - from.position("y");
    const ahead = x * dx + y * dy;
    const cost = ahead + 2 * Math.abs(x * dy - y * dx);
    if (ahead > 1 && (!best || cost < best.cost)) best = { node, cost };
  }
  if (!best) return;
  drawing.cursor?.removeClass("cursor");
  drawing.cursor = best.node.addClass("cursor");
  const extent = drawing.instance.extent();
  const { x, y } = best.node.position();
  if (x < extent.x1 || x > extent.x2 || y < extent.y1 || y > extent.y2) drawing.instance.center(best.node);
  drawing.say(best.node.data("words"));
}
