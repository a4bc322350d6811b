// The view of an item: what it is, its neighbours side by side, the graph around it, and whom it is held out for.

async function itemView(item, branch) {
  await items.loadTexts();
  const shown = await graphs.around(branch);
  const heldOut = element("section", {}, element("h3", {}, "Held out for"), element("p", { class: "small" }, "…"));
  users.load().then(() => heldOut.lastChild.replaceWith(heldOutList(item)));
  return [
    element("h2", { tabindex: -1 }, text(items.title(item))),
    itemFacts(item),
    element(
      "div",
      { class: "item" },
      pictureOf(item, "large"),
      text(items.texts[item] || "No further text.", { class: "description" }),
    ),
    shown.length
      ? neighbourSection(shown, item, branch)
      : element("p", {}, "There are no item graphs: no content, and no item vectors."),
    shown.length ? drawingSection(shown, item) : null,
    heldOut,
  ];
}

function itemFacts(item) {
  const parts = [["id ", text(items.ids[item])], `${count(items.popularity[item], "interaction")} in training`];
  if (items.inconsistency) parts.push(inconsistencyOf(item));
  return element(
    "p",
    { class: "small" },
    parts.map((part, i) => (i ? [" · ", part] : part)),
  );
}

function inconsistencyOf(item) {
  const score = items.inconsistency[item];
  if (Number.isNaN(score)) return "inconsistency not measured";
  const order = items.mostInconsistent();
  const place = (order.indexOf(item) + 1).toLocaleString("en");
  return `inconsistency ${score.toFixed(2)}, place ${place} of ${order.length.toLocaleString("en")}`;
}

function neighbourSection(shown, item, branch) {
  return element(
    "section",
    {},
    element("h3", {}, "Neighbours"),
    meta.learned.length ? branchChoice(branch, (name) => route.go({ item, branch: name })) : null,
    signLegend(),
    neighbourColumns(shown, item),
  );
}

function branchChoice(chosen, change) {
  const choices = meta.learned.map((name) =>
    element(
      "label",
      {},
      element("input", {
        type: "radio",
        name: "branch",
        value: name,
        checked: name === chosen,
        change: () => change(name),
      }),
      ` ${name}`,
    ),
  );
  return element("fieldset", { class: "choice" }, element("legend", {}, "Learned graph of the branch"), choices);
}

function heldOutList(item) {
  const who = users.whoseHeldOut(item);
  if (!who.length) return element("p", { class: "small" }, "No user of this page has it among the held-out items.");
  const entries = who.map((user) => {
    const { places } = users.heldOut(user).find((pair) => pair.item === item);
    const marks = meta.branches.map((branch) => placeMark(branch, places[branch]));
    return userButton(user, marks);
  });
  return entryList("Users for whom it is held out", entries);
}

const placeMark = (branch, place) =>
  place <= meta.top
    ? mark("near", "✓", `${branch} ${place}`)
    : mark("different", "✗", `${branch} ${place.toLocaleString("en")}`);
