// The neighbours of an item, one column for each graph.

const SIGNS = {
  near: ["=", "near in"],
  between: ["~", "neither near nor different in"],
  different: ["≠", "different in"],
  unknown: ["?", "not known in"],
};

const viewMark = (name, view) =>
  mark(view, SIGNS[view][0], [element("span", { class: "spoken" }, `${SIGNS[view][1]} `), name]);

function neighbourColumns(shown, item) {
  const columns = shown.map((graph) => {
    const found = graphs.neighbours(graph, item);
    const entries = found.map((neighbour) =>
      itemButton(
        neighbour.item,
        [`${neighbour.cosine.toFixed(2)} `, others(graph).map((name) => viewMark(name, neighbour.views[name]))],
        { class: verdict(graph, neighbour) },
      ),
    );
    const label = graph.kind === "content" ? `${graph.name}, by content` : `${graph.name}, as learned`;
    return element(
      "section",
      { "aria-label": label },
      element("h4", {}, label),
      found.length
        ? entryList(label, entries)
        : element("p", { class: "small" }, "No neighbours: the item lacks this modality."),
    );
  });
  return element("div", { class: "columns" }, columns);
}

/** What the signs mean. */
function signLegend() {
  const fewest = meta.learned.length ? 1 : 2; // a graph of content does not ask its own modality
  if (meta.content.length < fewest) return null;
  const meanings = [
    ["near", `among the ${meta.k} nearest there, too`],
    ["between", "neither"],
    ["different", "different there"],
    ["unknown", "one of the two lacks it"],
  ];
  return element(
    "p",
    { class: "legend" },
    meanings.map(([view, meaning]) => element("span", {}, mark(view, SIGNS[view][0], meaning))),
  );
}
