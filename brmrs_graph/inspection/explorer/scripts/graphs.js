// The item graphs: who is whose neighbour, and what each modality makes of it.

const VIEWS = ["near", "between", "different", "unknown"];

const graphs = {
  loaded: new Map(),

  /** Loads a graph by its kind ("content" or "learned") and name. */
  async load(kind, name) {
    const path = `${kind}/${name}`;
    if (this.loaded.has(path)) return this.loaded.get(path);
    const parts = ["degree", "items", "cosine", "seen"].map((part) => `${path}/${part}`);
    const [degree, ends, cosine, seen] = await blocks(...parts);
    const graph = { path, kind, name, start: starts(degree), ends, cosine, seen };
    this.loaded.set(path, graph);
    return graph;
  },

  /** All graphs of content, and the learned one of a branch where there is any. */
  async around(branch) {
    const content = meta.content.map((name) => this.load("content", name));
    const learned = meta.learned.includes(branch) ? [this.load("learned", branch)] : [];
    return Promise.all([...content, ...learned]);
  },

  /** The neighbours of an item, nearest first: {item, place, cosine, views}, the views by modality. */
  neighbours(graph, item) {
    const found = [];
    for (let edge = graph.start[item]; edge < graph.start[item + 1]; edge++) {
      const views = meta.content.map((name, m) => [name, VIEWS[graph.seen[m * graph.ends.length + edge]]]);
      found.push({
        item: graph.ends[edge],
        place: edge - graph.start[item] + 1,
        cosine: graph.cosine[edge] / 100,
        views: Object.fromEntries(views),
      });
    }
    return found;
  },
};

const others = (graph) => meta.content.filter((name) => graph.kind !== "content" || name !== graph.name);

/** Whether modalities agree on an edge: "agree", "differ", "apart" (neither), or "alone" (no other to ask). */
function verdict(graph, neighbour) {
  const views = others(graph).map((name) => neighbour.views[name]);
  if (views.includes("different")) return "differ";
  if (views.length === 0 || views.every((view) => view === "unknown")) return "alone";
  return views.every((view) => view === "near" || view === "unknown") ? "agree" : "apart";
}
