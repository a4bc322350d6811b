// What can be listed and searched: items, pairs of a user and an item, users.

/** A list: its length, the item of an entry for the search (or null), its own words, and its button. */
async function openSource(name) {
  if (name === "inconsistent") {
    const order = items.mostInconsistent();
    const about = (item) => [`inconsistency ${items.inconsistency[item].toFixed(2)}`];
    return { length: order.length, item: (i) => order[i], button: (i) => itemButton(order[i], about(order[i])) };
  }
  if (name === "rescued" || name === "hurt") return openCases(name);
  if (name === "users") {
    await users.load();
    return {
      length: users.number,
      item: () => null,
      words: (i) => fold(users.ids[i]),
      button: (i) => userButton(i, hitsOf(i)),
    };
  }
  const about = (item) => [`id `, text(items.ids[item]), ` · ${count(items.popularity[item], "interaction")}`];
  return { length: items.number, item: (i) => i, button: (i) => itemButton(i, about(i)) };
}

async function openCases(name) {
  await users.load();
  const [who, what] = await blocks(`cases/${name}/users`, `cases/${name}/items`);
  const about = (i) => {
    const { places } = users.heldOut(who[i]).find((pair) => pair.item === what[i]);
    const line = [...meta.modalities, "fused"]
      .map((branch) => `${branch} ${places[branch].toLocaleString("en")}`)
      .join(", ");
    return [element("span", {}, "user ", text(users.ids[who[i]])), ` · places: ${line}`];
  };
  return { length: who.length, item: (i) => what[i], button: (i) => itemButton(what[i], about(i)) };
}

function hitsOf(user) {
  const [, all] = users.found(user, "fused");
  const found = meta.branches.map((branch) => `${branch} ${users.found(user, branch)[0]}`).join(", ");
  return [`${all} held out; found: ${found}`];
}

/** The lists of the page: name, what it is called, and what it means. */
function sourceNames() {
  const pairs = (name) => {
    const part = meta.cases[name] > meta.limits.cases ? `the first ${meta.limits.cases} of ` : "";
    return part + count(meta.cases[name], "pair");
  };
  const names = [["items", "All items", "in the order of the data set"]];
  if (items.inconsistency)
    names.unshift([
      "inconsistent",
      "Most inconsistent items",
      "whose neighbours in one modality are not close in another",
    ]);
  if ("rescued" in meta.cases) {
    names.push([
      "rescued",
      "Rescued by the other modality",
      `held-out items that one modality misses and another finds, and the fused ranking with it; ${pairs("rescued")}`,
    ]);
    names.push([
      "hurt",
      "Hurt by fusion",
      `held-out items that a modality finds and the fused ranking misses; ${pairs("hurt")}`,
    ]);
  }
  names.push(["users", "Users", "who have held-out items"]);
  return names;
}
