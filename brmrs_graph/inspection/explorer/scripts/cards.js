// An item as it stands in lists: a picture, its title, and a line about it.

function pictureOf(item, kind) {
  const source = items.picture(item);
  if (source) return element("img", { class: kind, src: source, alt: "", loading: "lazy" });
  if (!meta.pictures.shown) return null;
  return element("span", { class: `${kind} none`, "aria-hidden": "true" }, "no picture");
}

/** A button that opens an item. */
function itemButton(item, about = [], attributes = {}) {
  return element(
    "button",
    { type: "button", "data-item": item, click: () => route.go({ item }), ...attributes },
    pictureOf(item, "thumb"),
    element(
      "span",
      { class: "words" },
      text(items.title(item), { class: "title" }),
      element("span", { class: "about" }, about),
    ),
  );
}

/** A button that opens a user. */
function userButton(user, about = [], attributes = {}) {
  return element(
    "button",
    { type: "button", "data-user": user, click: () => route.go({ user }), ...attributes },
    element(
      "span",
      { class: "words" },
      element("span", { class: "title" }, "User ", text(users.ids[user])),
      element("span", { class: "about" }, about),
    ),
  );
}

/** A mark with a sign, so that it does not rest on colour. */
const mark = (kind, sign, words) =>
  element("span", { class: `mark ${kind}` }, element("span", { "aria-hidden": "true" }, `${sign} `), words);
