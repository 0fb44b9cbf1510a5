"use strict";
// Filters of the two long lists. Without scripts the page is complete, only not to be filtered.
for (const controls of document.querySelectorAll(".controls")) {
  const items = [...document.getElementById(controls.dataset.for).querySelectorAll("[data-item]")];
  const output = controls.querySelector("output");
  const search = controls.querySelector("input[type=search]");
  const boxes = [...controls.querySelectorAll("input[type=checkbox]:not([data-only])")];
  const only = [...controls.querySelectorAll("input[data-only]")];
  const selects = [...controls.querySelectorAll("select")];
  const names = [...new Set(boxes.map((box) => box.name))];
  const texts = new Map(items.map((item) => [item, item.textContent.toLowerCase()]));
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      const fits =
        words.every((word) => texts.get(item).includes(word)) &&
        names.every((name) => boxes.some((box) => box.name === name && box.checked && box.value === item.dataset[name])) &&
        only.every((box) => !box.checked || item.dataset[box.name] === box.value) &&
        selects.every((select) => !select.value || item.dataset[select.name] === select.value);
      item.hidden = !fits;
      shown += fits;
    }
    output.textContent = `${shown} of ${items.length} shown`;
  };
  controls.addEventListener("input", show);
  controls.hidden = false;
  show();
}
// The contents stay folded where they would push everything down.
if (window.matchMedia("(max-width: 1099px)").matches) document.getElementById("contents-fold").open = false;
// A link to something that is folded or filtered out opens it.
const arrive = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  target.hidden = false;
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", arrive);
arrive();
// On paper nothing is folded.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
