// The users of the page: what they took, what was held out, and what every branch recommends.

const SPLITS = ["train", "valid", "test"];

const users = {
  ids: [],
  taken: {},

  get number() {
    return this.ids.length;
  },

  loading: null,

  load() {
    return (this.loading ??= this.read());
  },

  async read() {
    this.taken = {};
    for (const split of SPLITS) {
      const [degree, ends] = await blocks(`users/${split}/degree`, `users/${split}/items`);
      this.taken[split] = { start: starts(degree), ends };
    }
    this.places = await block("users/places");
    this.tops = {};
    for (const branch of meta.branches) {
      const [top, scores] = await blocks(`users/${branch}/top`, `users/${branch}/scores`);
      this.tops[branch] = { top, scores };
    }
    this.ids = await block("users/ids");
  },

  /** Items that a user took in a split. */
  items(user, split) {
    const { start, ends } = this.taken[split];
    return [...ends.subarray(start[user], start[user + 1])];
  },

  /** Held-out pairs of a user: {item, places}, the places by branch. */
  heldOut(user) {
    const { start, ends } = this.taken.test;
    return this.items(user, "test").map((item, i) => {
      const pair = start[user] + i;
      const places = meta.ranked.map((branch, b) => [branch, this.places[b * ends.length + pair]]);
      return { item, places: Object.fromEntries(places) };
    });
  },

  /** What a branch recommends: {item, place, score, hit, checked}, the best first; fewer where fewer items are left. */
  recommended(user, branch) {
    const { top, scores } = this.tops[branch];
    const [test, valid] = ["test", "valid"].map((split) => new Set(this.items(user, split)));
    return Array.from({ length: meta.top }, (_, i) => {
      const item = top[user * meta.top + i];
      const score = scores[user * meta.top + i];
      return { item, place: i + 1, score, hit: test.has(item), checked: valid.has(item) };
    }).filter(({ score }) => !Number.isNaN(score));
  },

  /** Users for whom an item is held out. */
  whoseHeldOut(item) {
    const { start, ends } = this.taken.test;
    const found = [];
    for (let pair = ends.indexOf(item), user = 0; pair >= 0; pair = ends.indexOf(item, pair + 1)) {
      while (start[user + 1] <= pair) user++;
      found.push(user);
    }
    return found;
  },

  /** Of how many held-out items a branch finds how many: [found, all]. */
  found(user, branch) {
    const pairs = this.heldOut(user);
    return [pairs.filter((pair) => pair.places[branch] <= meta.top).length, pairs.length];
  },
};
