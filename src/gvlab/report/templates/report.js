"use strict";
// Sorting and filtering of the two long tables. Without scripts the page is complete, only not sortable.
for (const controls of document.querySelectorAll(".controls")) {
  const table = document.getElementById(controls.dataset.for);
  const rows = [...table.tBodies[0].rows];
  const output = controls.querySelector("output");
  const search = controls.querySelector("input[type=search]");
  const boxes = [...controls.querySelectorAll("input[type=checkbox]:not([data-only])")];
  const only = [...controls.querySelectorAll("input[data-only]")];
  const selects = [...controls.querySelectorAll("select")];
  const names = [...new Set(boxes.map((box) => box.name))];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits =
        words.every((word) => texts.get(row).includes(word)) &&
        names.every((name) => boxes.some((box) => box.name === name && box.checked && box.value === row.dataset[name])) &&
        only.every((box) => !box.checked || row.dataset[box.name] === box.value) &&
        selects.every((select) => !select.value || row.dataset[select.name] === select.value);
      row.hidden = !fits;
      shown += fits;
    }
    output.textContent = `${shown} of ${rows.length} shown`;
  };
  controls.addEventListener("input", show);
  controls.hidden = false;
  show();
}
for (const head of document.querySelectorAll("table.sortable th[data-sort]")) {
  head.tabIndex = 0;
  head.setAttribute("role", "button");
  const sort = () => {
    const table = head.closest("table");
    const column = [...head.parentNode.children].indexOf(head);
    const up = head.getAttribute("aria-sort") !== "ascending";
    const key = (row) => head.dataset.sort === "rank" ? row.cells[column].dataset.rank.padStart(3, "0") : row.cells[column].textContent.trim();
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => key(a).localeCompare(key(b), "en", { numeric: true }) * (up ? 1 : -1));
    table.tBodies[0].append(...rows);
  };
  head.addEventListener("click", sort);
  head.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
  });
}
// The contents stay folded where they would push everything down.
if (window.matchMedia("(max-width: 1099px)").matches) document.getElementById("contents-fold").open = false;
// A link to a claim that is filtered out shows it again.
addEventListener("hashchange", () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.hidden) { target.hidden = false; target.scrollIntoView(); }
});
