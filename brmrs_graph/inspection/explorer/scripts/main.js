// Puts the page together.

let shownKey = null;

/** Shows what the address says; `first` is true when the page opens. */
async function show(first) {
  const { item, user, branch } = route.get();
  const detail = byId("detail");
  const key = JSON.stringify([item, user, branch]);
  shownKey = key;
  let view;
  if (user !== null) {
    await users.load();
    view = user < users.number ? await userView(user) : nothing(`There is no user ${user} in this page.`);
  } else if (item !== null) {
    view = item < items.number ? await itemView(item, branch) : nothing(`There is no item ${item} in this page.`);
  } else view = nothing("Choose an item or a user in the list.");
  if (shownKey !== key) return; // something else is looked at by now
  const before = document.activeElement;
  const radio = before?.matches("input[type=radio]") ? before.value : null;
  const inside = detail.contains(before);
  closeDrawing();
  detail.replaceChildren(...view.filter(Boolean));
  finder.markCurrent();
  if (first) return;
  // The focus does not get lost with what it was on; on a small screen the item is below the list.
  const again = radio && detail.querySelector(`input[type=radio][value="${CSS.escape(radio)}"]`);
  if (again) again.focus();
  else if (inside || matchMedia("(max-width: 48rem)").matches) detail.querySelector("h2")?.focus();
  if (!again) detail.querySelector("h2")?.scrollIntoView({ block: "start" });
}

const nothing = (words) => [element("p", {}, words)];

async function start() {
  await items.load();
  await finder.start();
  const { item, user } = route.get();
  if (item === null && user === null && finder.found.length) {
    const chosen = finder.source.item(finder.found[0]);
    history.replaceState(null, "", `#item=${chosen}`);
  }
  await show(true);
  addEventListener("hashchange", () => show(false));
  addEventListener("keydown", everywhere);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyleDrawing);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

start().catch((error) => {
  const words =
    "DecompressionStream" in window
      ? String(error)
      : "This browser is too old for the page: it lacks DecompressionStream (Chrome 80, Firefox 113, Safari 16.4).";
  byId("detail").replaceChildren(element("p", { role: "alert" }, `The page could not be opened. ${words}`));
  throw error;
});
