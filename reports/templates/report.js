"use strict";
// Sort a table by the column whose button was pressed. A cell without a value stays last in both directions.
for (const table of document.querySelectorAll("table.sortable")) {
  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (!head || !event.target.closest("button")) return;
    const flipped = { ascending: "descending", descending: "ascending" };
    const order = flipped[head.getAttribute("aria-sort")] || head.dataset.first;
    for (const other of table.tHead.querySelectorAll("th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const value = (row) => row.cells[head.cellIndex].dataset.value;
    const compare = (a, b) =>
      head.dataset.kind === "text" ? a.localeCompare(b, "en") : Number(a) === Number(b) ? 0 : Number(a) - Number(b);
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      return sign * compare(x, y);
    });
    table.tBodies[0].append(...rows);
  });
}
