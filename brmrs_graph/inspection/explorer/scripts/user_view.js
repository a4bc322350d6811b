// The page of a user: what they took, what was held out, and what every branch recommends.

async function userView(user) {
  await users.load();
  const found = meta.branches.map((branch) => `${branch} ${users.found(user, branch)[0]}`).join(", ");
  const history = users.items(user, "train");
  const heldOut = users.heldOut(user);
  return [
    element("h2", { tabindex: -1 }, "User ", text(users.ids[user])),
    element(
      "p",
      { class: "small" },
      `${count(history.length, "training item")}, ${users.items(user, "valid").length} for validation, `,
      `${heldOut.length} held out for test; found among the first ${meta.top}: ${found}`,
    ),
    element("section", {}, element("h3", {}, "Held out"), entryList("Held-out items", heldOut.map(heldOutEntry))),
    element("section", {}, element("h3", {}, `The first ${meta.top} of every branch`), recommendedColumns(user)),
    element(
      "section",
      {},
      element("h3", {}, "Training history"),
      element("p", { class: "small" }, "In no order: the data know no time."),
      entryList(
        "Training history",
        history.map((item) => itemButton(item)),
      ),
    ),
  ];
}

const heldOutEntry = ({ item, places }) =>
  itemButton(
    item,
    meta.branches.map((branch) => placeMark(branch, places[branch])),
  );

function recommendedColumns(user) {
  const columns = meta.branches.map((branch) => {
    const entries = users.recommended(user, branch).map(({ item, place, score, hit, checked }) => {
      const about = [`${place}. score ${score.toPrecision(3)} `];
      if (hit) about.push(mark("near", "✓", "held out: a hit"));
      if (checked) about.push(mark("between", "~", "in validation"));
      return itemButton(item, about, { class: hit ? "agree" : "" });
    });
    const label = `${branch}, the first ${meta.top}`;
    return element("section", { "aria-label": label }, element("h4", {}, branch), entryList(label, entries));
  });
  return element("div", { class: "columns" }, columns);
}
