// Makes parts of the page. Texts of items and users only ever become text nodes and attributes, never markup.

const byId = (id) => document.getElementById(id);

/** An element; attributes that are null or false are left out, functions become listeners, strings text nodes. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null));
  return node;
}

/** A text of strangers: its writing direction is its own. */
const text = (content, attributes = {}) => element("bdi", attributes, content);

const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
const listing = (names) => names.join(", ").replace(/, ([^,]*)$/, " and $1");
