// Keys that work everywhere: / to the search, Esc back to the list, arrows within lists.

function everywhere(event) {
  moveInList(event);
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
  const { target } = event;
  const writing = target.matches?.("input[type=search], select, textarea");
  if (event.key === "/" && !writing) byId("search").focus();
  else if (event.key === "Escape") escape(target);
  else if (event.key === "ArrowDown" && target === byId("search")) focusEntry(byId("results"), 0);
  else if (event.key === "Enter" && target === byId("search")) buttonsOf(byId("results"))[0]?.click();
  else return;
  event.preventDefault();
}

/** Out of the search: its words go. From anywhere else: to the entry of what is looked at, or into the search. */
function escape(target) {
  const search = byId("search");
  if (target === search) {
    search.value = "";
    finder.search();
    return;
  }
  const buttons = buttonsOf(byId("results"));
  const current = buttons.findIndex((button) => button.hasAttribute("aria-current"));
  if (current >= 0 && target.closest("#detail")) focusEntry(byId("results"), current);
  else search.focus();
}
