// The items: ids, titles, texts, pictures, and the search through them.

const items = {
  ids: [],
  titles: [],
  popularity: null,
  inconsistency: null,
  texts: [],
  pictures: "",
  ends: null,
  folded: null,

  get number() {
    return this.ids.length;
  },

  async load() {
    [this.ids, this.titles, this.popularity] = await blocks("items/ids", "items/titles", "items/popularity");
    [this.pictures, this.ends] = await blocks("items/pictures", "items/picture-ends");
    if (hasBlock("items/inconsistency")) this.inconsistency = await block("items/inconsistency");
  },

  async loadTexts() {
    this.texts = await block("items/texts");
  },

  title(item) {
    return this.titles[item] || `item ${this.ids[item]}`;
  },

  /** The picture as a data URI, null where the page has none. */
  picture(item) {
    const start = item ? this.ends[item - 1] : 0;
    const content = this.pictures.slice(start, this.ends[item]);
    return content ? `data:image/webp;base64,${content}` : null;
  },

  /** Items by falling inconsistency, those that are measured. */
  mostInconsistent() {
    const score = this.inconsistency;
    this.ordered ??= [...score.keys()]
      .filter((i) => !Number.isNaN(score[i]))
      .sort((a, b) => score[b] - score[a] || a - b);
    return this.ordered;
  },

  /** Makes ids, titles and texts ready to be searched. */
  async prepareSearch() {
    if (this.folded) return;
    await this.loadTexts();
    const part = (lines) => fold(lines.join("\n")).split("\n");
    const [ids, titles, texts] = [this.ids, this.titles, this.texts].map(part);
    this.folded = { ids, titles, whole: ids.map((id, i) => `${id} ${titles[i]} ${texts[i]}`) };
  },

  /** How well an item meets a folded query: 0 its id, 1 its title's start, 2 its title, 3 its text; null: not. */
  match(item, query, words) {
    const { ids, titles, whole } = this.folded;
    if (!words.every((word) => whole[item].includes(word))) return null;
    if (ids[item] === query) return 0;
    if (titles[item].startsWith(query)) return 1;
    return words.every((word) => titles[item].includes(word)) ? 2 : 3;
  },
};
