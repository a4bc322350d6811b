// The list at the side: which one, searched, and shown a part at a time.

const PART = 50;

const finder = {
  source: null,
  found: [],
  shown: 0,
  request: 0,

  async start() {
    const names = sourceNames();
    this.meanings = Object.fromEntries(names.map(([name, , meaning]) => [name, meaning]));
    byId("source").append(...names.map(([name, label]) => element("option", { value: name }, label)));
    byId("source").addEventListener("change", () => this.open());
    byId("search").addEventListener("input", () => this.search());
    byId("more").addEventListener("click", () => this.showMore(true));
    await this.open();
  },

  async open() {
    const name = byId("source").value;
    const source = await openSource(name);
    if (byId("source").value !== name) return; // another list was chosen meanwhile
    this.source = source;
    byId("meaning").textContent = this.meanings[name];
    await this.search();
  },

  async search() {
    const request = ++this.request;
    const query = fold(byId("search").value).trim();
    const words = query.split(/\s+/).filter(Boolean);
    if (words.length) await items.prepareSearch();
    if (request !== this.request) return; // a later search is under way
    this.found = matches(this.source, query, words);
    const { length } = this.source;
    const found = `${count(this.found.length, "match", "matches")} of ${length.toLocaleString("en")}`;
    byId("count").textContent = words.length ? found : count(length, "entry", "entries");
    this.shown = 0;
    byId("results").replaceChildren();
    byId("results").dataset.source = byId("source").value;
    byId("results").scrollTop = 0;
    this.showMore(false);
  },

  showMore(focus) {
    const from = this.shown;
    this.shown = Math.min(from + PART, this.found.length);
    const entries = this.found.slice(from, this.shown).map((i) => element("li", {}, this.source.button(i)));
    byId("results").append(...entries);
    buttonsOf(byId("results")).forEach((button, i) => (button.tabIndex = i ? -1 : 0));
    byId("more").hidden = this.shown === this.found.length;
    byId("more").textContent = `Show more (${(this.found.length - this.shown).toLocaleString("en")} left)`;
    if (focus) focusEntry(byId("results"), from);
    this.markCurrent();
  },

  /** Marks the entries of what is looked at. */
  markCurrent() {
    const { item, user } = route.get();
    for (const button of buttonsOf(byId("results"))) {
      const same =
        item !== null ? button.dataset.item === String(item) : user !== null && button.dataset.user === String(user);
      if (same) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  },
};

/** Positions of the entries that meet a query, the best first. */
function matches(source, query, words) {
  const everything = Array.from({ length: source.length }, (_, i) => i);
  if (!words.length) return everything;
  const ranked = [[], [], [], []];
  for (const i of everything) {
    const item = source.item(i);
    const rank = item !== null ? items.match(item, query, words) : source.words(i).includes(query) ? 0 : null;
    if (rank !== null) ranked[rank].push(i);
  }
  return ranked.flat();
}
