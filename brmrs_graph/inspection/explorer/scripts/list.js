// Lists in which one entry is in the order of the Tab key and the arrow keys move to the others.

/** Makes a list of entries, each of which is a button; columns side by side are moved between by Left and Right. */
function entryList(label, entries) {
  const list = element("ol", { class: "entries", "aria-label": label });
  fillList(list, entries);
  return list;
}

function fillList(list, entries) {
  list.replaceChildren(...entries.map((entry) => element("li", {}, entry)));
  list.querySelectorAll("button").forEach((button, i) => (button.tabIndex = i ? -1 : 0));
}

const buttonsOf = (list) => [...list.querySelectorAll("button")];

function focusEntry(list, at) {
  const buttons = buttonsOf(list);
  const target = buttons[Math.max(0, Math.min(at, buttons.length - 1))];
  if (!target) return;
  buttons.forEach((button) => (button.tabIndex = button === target ? 0 : -1));
  target.focus();
  target.scrollIntoView({ block: "nearest" });
}

function moveInList(event) {
  const button = event.target.closest?.(".entries button");
  if (!button || event.altKey || event.ctrlKey || event.metaKey) return;
  const list = button.closest(".entries");
  const at = buttonsOf(list).indexOf(button);
  const last = buttonsOf(list).length - 1;
  const columns = [...(list.closest(".columns")?.querySelectorAll(".entries") ?? [])];
  const column = columns.indexOf(list);
  if (event.key === "ArrowDown") focusEntry(list, at + 1);
  else if (event.key === "ArrowUp") focusEntry(list, at - 1);
  else if (event.key === "Home") focusEntry(list, 0);
  else if (event.key === "End") focusEntry(list, last);
  else if (event.key === "ArrowRight" && columns[column + 1]) focusEntry(columns[column + 1], at);
  else if (event.key === "ArrowLeft" && columns[column - 1]) focusEntry(columns[column - 1], at);
  else return;
  event.preventDefault();
}
