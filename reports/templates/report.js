"use strict";
// Nothing here is needed to read the page: it sorts, filters and shows hints. Nothing is loaded.

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

// One score of a table can be reached by the tab key; the arrow keys go on from there.
const keepReachable = (table) => {
  const cells = [...table.querySelectorAll("td.score")];
  const seen = cells.filter((cell) => !cell.hidden && !cell.parentElement.hidden);
  const current = seen.find((cell) => cell.tabIndex === 0) || seen[0];
  for (const cell of cells) cell.tabIndex = cell === current ? 0 : -1;
};

// Filters and toggles above a table. Words between commas are alternatives; the mean keeps its tasks.
for (const controls of document.querySelectorAll(".controls")) {
  const table = document.getElementById(controls.dataset.table);
  const heads = [...table.tHead.rows[0].cells];
  const columns = heads.filter((head) => head.dataset.words !== undefined);
  const output = controls.querySelector("output");
  const matcher = (kind) => {
    const words = controls.querySelector(`[data-filter="${kind}"]`).value.toLowerCase().split(",");
    const wanted = words.map((word) => word.trim()).filter(Boolean);
    return (text) => !wanted.length || wanted.some((word) => text.toLowerCase().includes(word));
  };
  const apply = () => {
    const [fitsRow, fitsColumn] = [matcher("rows"), matcher("columns")];
    const rows = [...table.tBodies[0].rows];
    for (const row of rows) row.hidden = !fitsRow(row.dataset.words);
    for (const head of columns) {
      const hide = !fitsColumn(head.dataset.words);
      for (const row of table.rows) row.cells[head.cellIndex].hidden = hide;
    }
    keepReachable(table);
    const shown = (things) => things.filter((thing) => !thing.hidden).length;
    const all = shown(rows) === rows.length && shown(columns) === columns.length;
    output.textContent = all
      ? ""
      : `${shown(rows)} of ${rows.length} encoders, ${shown(columns)} of ${columns.length} tasks`;
  };
  controls.addEventListener("input", (event) => {
    const name = event.target.dataset.toggle;
    if (name) table.classList.toggle(name, event.target.checked);
    else apply();
  });
  for (const box of controls.querySelectorAll("[data-toggle]")) table.classList.toggle(box.dataset.toggle, box.checked);
  controls.hidden = false;
  apply();
}

// Hints of the scores: under the pointer, under a finger, and under the focus, which the arrow keys move.
{
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  let owner = null;
  const hide = () => {
    if (owner) owner.removeAttribute("aria-describedby");
    owner = null;
    tip.hidden = true;
  };
  const show = (cell) => {
    if (cell === owner) return;
    hide();
    owner = cell;
    tip.textContent = cell.dataset.tip;
    tip.hidden = false;
    cell.setAttribute("aria-describedby", "tip");
    place();
  };
  const place = () => {
    if (!owner) return;
    const [at, own] = [owner.getBoundingClientRect(), tip.getBoundingClientRect()];
    if (at.bottom < 0 || at.top > window.innerHeight) return hide();
    const width = document.documentElement.clientWidth;
    const below = at.bottom + 6;
    const above = at.top - own.height - 6;
    tip.style.left = `${Math.max(8, Math.min(at.left, width - own.width - 8))}px`;
    tip.style.top = `${below + own.height > window.innerHeight && above > 0 ? above : below}px`;
  };
  for (const table of document.querySelectorAll("table.main")) {
    const cells = table.querySelectorAll("td.score[title]");
    if (!cells.length) continue;
    for (const cell of cells) {
      cell.dataset.tip = cell.title;
      cell.removeAttribute("title");
    }
    keepReachable(table);
    const score = (event) => event.target.closest("td.score[data-tip]");
    table.addEventListener("mouseover", (event) => (score(event) ? show(score(event)) : hide()));
    table.addEventListener("mouseleave", hide);
    table.addEventListener("focusin", (event) => {
      const cell = score(event);
      if (!cell) return hide();
      for (const other of table.querySelectorAll('td.score[tabindex="0"]')) other.tabIndex = -1;
      cell.tabIndex = 0;
      show(cell);
    });
    table.addEventListener("focusout", hide);
    table.addEventListener("keydown", (event) => {
      const cell = score(event);
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!cell || !step) return;
      event.preventDefault();
      const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
      let [y, x] = [rows.indexOf(cell.parentElement), cell.cellIndex];
      for (let next; ; ) {
        [y, x] = [y + step[0], x + step[1]];
        next = rows[y] && rows[y].cells[x];
        if (!next) return;
        if (next.matches("td.score[data-tip]") && !next.hidden) return next.focus();
      }
    });
  }
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  window.addEventListener("scroll", place, true);
  window.addEventListener("resize", place);
}
