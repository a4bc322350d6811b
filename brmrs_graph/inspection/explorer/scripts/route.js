// What is looked at stands in the address, so that Back works and a place can be kept: #item=12&branch=fused.

const route = {
  get() {
    const given = new URLSearchParams(location.hash.slice(1));
    const number = (name) => (/^\d+$/.test(given.get(name) ?? "") ? Number(given.get(name)) : null);
    const branch = given.get("branch");
    return {
      item: number("item"),
      user: number("user"),
      branch: meta.learned.includes(branch) ? branch : (meta.learned[0] ?? null),
    };
  },

  /** Goes to an item or a user; the branch stays unless another one is given. */
  go(where) {
    const { branch } = this.get();
    const parts = { ...where, branch: where.branch ?? branch };
    const filled = Object.entries(parts).filter(([, value]) => value !== null && value !== undefined);
    location.hash = new URLSearchParams(filled.map(([name, value]) => [name, String(value)])).toString();
  },
};
