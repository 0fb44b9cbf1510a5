// The whole script of the bench. It knows forms, words and pictures, and nothing of what they mean: it sends what the
// controls hold, puts what comes back where it belongs, drops answers that are out of date, and connects again.

const form = document.getElementById("bench");
const PATIENCE = [400, 800, 1500, 3000, 5000];
const byId = (id) => document.getElementById(id);

const link = {
  socket: null, tries: 0, opened: false, timer: 0,
  given: "", // the link with which the page was opened, where it shows something else than the server printed
};
const talk = {
  number: 0, // of the last message
  answered: 0, // of the last message that was answered to its end
  state: null, // what the server last said the page shows: handed back as it is
  changed: "", // the control that was moved last
  held: null, // what is sent after a button was answered
  locked: 0, // number of the message of a button that was not answered yet
  frame: 0,
  again: false,
  hash: "",
  address: 0, // timer
  past: [],
  committed: "",
};

// ---------------------------------------------------------------------------------------------------------- sending

function fields() {
  const found = {};
  for (const control of form.elements) {
    if (!control.name || control.disabled || control.type === "file" || control.type === "submit") continue;
    if (control.type === "checkbox") found[control.name] = control.checked ? "on" : "";
    else if (control.type === "radio") {
      if (control.checked) found[control.name] = control.value;
    } else found[control.name] = control.type === "range" ? word(control) : control.value;
  }
  return found;
}

function word(range) {
  const words = range.dataset.words ? JSON.parse(range.dataset.words) : null;
  return words ? words[Number(range.value)] : range.value;
}

function showWord(range) {
  const text = word(range);
  range.setAttribute("aria-valuetext", text);
  const shown = byId(range.dataset.shows);
  if (!shown) return;
  if ("value" in shown && shown.tagName === "INPUT") shown.value = text;
  else shown.textContent = text;
}

function send(extra = {}) {
  const message = { state: talk.state, fields: fields(), changed: talk.changed, ...extra };
  if (talk.locked) {
    talk.held = extra;
    return;
  }
  message.n = talk.number += 1;
  if (extra.action || extra.link) talk.locked = message.n;
  busy(true);
  document.documentElement.dataset.asked = String(message.n);
  if (link.socket && link.socket.readyState === WebSocket.OPEN) link.socket.send(JSON.stringify(message));
  else if (extra.action || extra.link) talk.held = extra;
}

function sendSoon() {
  // At once, and then at most one message a picture of the screen: a slider moves more often than anybody can see.
  if (talk.frame) {
    talk.again = true;
    return;
  }
  send();
  talk.frame = requestAnimationFrame(() => {
    talk.frame = 0;
    if (talk.again) {
      talk.again = false;
      sendSoon();
    }
  });
}

function commit() {
  // What Undo goes back to: where the page stood before this change.
  if (talk.hash && talk.hash !== talk.past[talk.past.length - 1]) talk.past.push(talk.hash);
  if (talk.past.length > 100) talk.past.shift();
}

// -------------------------------------------------------------------------------------------------------- receiving

function receive(message) {
  if (message.n < talk.number) return; // out of date
  if (talk.locked && message.n >= talk.locked) talk.locked = 0;
  if (message.state) talk.state = message.state;
  for (const [id, html] of Object.entries(message.parts || {})) put(id, html);
  if (message.link) {
    talk.hash = "#" + message.link;
    // The address waits until the picture stands: browsers take long over it, and refuse it when it comes often.
    clearTimeout(talk.address);
    talk.address = setTimeout(showAddress, 400);
  }
  showLinks();
  mark(message.field, message.stage === "error");
  if (message.stage === "panel") busy(false, true);
  if (message.stage === "done" || message.stage === "error") {
    talk.answered = message.n;
    busy(false);
    document.documentElement.dataset.answered = String(message.n);
  }
  document.documentElement.dataset.stage = message.stage || "";
  document.documentElement.dataset.shown = String(message.n);
  if (talk.held && !talk.locked) {
    const held = talk.held;
    talk.held = null;
    send(held);
  }
}

function showAddress() {
  clearTimeout(talk.address);
  if (talk.hash && talk.hash !== location.hash) history.replaceState(null, "", talk.hash);
  document.documentElement.dataset.linked = document.documentElement.dataset.shown || "";
}

function showLinks() {
  // Downloads are of what is shown: each has the link at its end.
  if (!talk.hash) return;
  for (const each of document.querySelectorAll("a[data-link]")) {
    each.href = `${each.dataset.link}?${talk.hash.slice(1)}`;
  }
}

function put(id, html) {
  const place = byId(id);
  if (!place) return;
  if (place.dataset.words === "plain") {
    // What a screen reader speaks is set only where it changed, else it would be said again.
    if (place.textContent !== html) place.textContent = html;
    return;
  }
  const focus = place.contains(document.activeElement) ? document.activeElement.id : "";
  const now = place.cloneNode(false);
  now.innerHTML = html;
  matchChildren(place, now);
  // What had the focus may stand elsewhere by now.
  if (focus && document.activeElement.id !== focus && byId(focus)) byId(focus).focus({ preventScroll: true });
}

// Only what differs is touched: the browser lays out and paints a few curves and numbers, and not the whole picture.

function matchChildren(old, now) {
  let mine = old.firstChild;
  for (const theirs of [...now.childNodes]) {
    const next = mine && mine.nextSibling;
    if (mine) match(mine, theirs);
    else old.append(theirs);
    mine = next;
  }
  while (mine) {
    const next = mine.nextSibling;
    mine.remove();
    mine = next;
  }
}

function match(old, now) {
  if (old.nodeName !== now.nodeName || old.type !== now.type) old.replaceWith(now);
  else if (old.nodeType === Node.ELEMENT_NODE) {
    matchAttributes(old, now);
    matchChildren(old, now);
    // What a reader has set since: an attribute is where a control began.
    for (const each of ["checked", "value"]) {
      if (each in now && old.type !== "file" && old[each] !== now[each]) old[each] = now[each];
    }
  } else if (old.data !== now.data) old.data = now.data;
}

function matchAttributes(old, now) {
  for (const { name, value } of now.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    // Whether a table is open is the reader's choice.
    if (!now.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
}

function mark(name, wrong) {
  for (const each of form.querySelectorAll("[aria-invalid]")) {
    each.removeAttribute("aria-invalid");
    each.removeAttribute("aria-errormessage");
  }
  if (!wrong || !name) return;
  const control = form.elements.namedItem(name);
  if (control && control.setAttribute) {
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-errormessage", "error");
  }
}

function busy(result, panel = result) {
  for (const [id, yes] of [["result", result], ["panel", panel]]) {
    const place = byId(id);
    if (place) place.setAttribute("aria-busy", yes ? "true" : "false");
  }
}

// ------------------------------------------------------------------------------------------------------- connecting

function connect() {
  clearTimeout(link.timer);
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}${form.dataset.socket}`);
  link.socket = socket;
  socket.onopen = () => {
    link.tries = 0;
    offline("");
    const again = link.opened;
    link.opened = true;
    const held = talk.held;
    talk.held = null;
    talk.locked = 0;
    if (held) send(held);
    else if (!again && link.given) send({ link: link.given });
    // What was moved before somebody listened is said now.
    else if (again || form.dataset.ready !== "yes" || talk.number > talk.answered) send();
  };
  socket.onmessage = (event) => receive(JSON.parse(event.data));
  socket.onclose = (event) => {
    if (link.socket !== socket) return;
    link.socket = null;
    offline(event.code === 4401 ? form.dataset.refused : form.dataset.offline);
    const wait = PATIENCE[Math.min(link.tries, PATIENCE.length - 1)];
    link.tries += 1;
    link.timer = setTimeout(connect, wait);
  };
}

function offline(text) {
  const banner = byId("offline");
  banner.hidden = !text;
  if (banner.textContent !== text) banner.textContent = text;
  document.documentElement.dataset.connected = text ? "no" : "yes";
}

// ---------------------------------------------------------------------------------------------------------- events

function onInput(event) {
  const control = event.target;
  if (control.type !== "range" || !control.name) return;
  if (!control.dataset.moving) {
    control.dataset.moving = "yes";
    commit();
  }
  showWord(control);
  talk.changed = control.name;
  sendSoon();
}

function onChange(event) {
  const control = event.target;
  if (control.type === "file") {
    upload(control.files);
    return;
  }
  if (control.type === "range") {
    delete control.dataset.moving;
    return;
  }
  if (!control.name) return;
  commit();
  talk.changed = control.name;
  send();
}

function onClick(event) {
  if (event.target.closest("a")) showAddress(); // whoever comes back finds what was shown
  if (event.target.type === "file") event.target.value = ""; // a file that was mended is chosen again
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copy) copy(button);
  else if (button.dataset.undo !== undefined) undo();
  else if (button.dataset.close) byId(button.dataset.close).close();
  else if (button.dataset.open) byId(button.dataset.open).showModal();
  else if (button.name === "action") {
    event.preventDefault();
    commit();
    talk.changed = "";
    send({ action: button.value });
  }
}

function undo() {
  const before = talk.past.pop();
  if (before) send({ link: before });
}

async function copy(button) {
  showAddress();
  let text = byId(button.dataset.copy) ? byId(button.dataset.copy).textContent : "";
  if (button.dataset.copy === "address") text = location.href.replace(/[?]token=[^#]*/, "");
  if (button.dataset.from) {
    const reply = await fetch(`${button.dataset.from}?${talk.hash.slice(1)}`);
    text = await reply.text();
  }
  try {
    await navigator.clipboard.writeText(text);
    say(button.dataset.done);
  } catch {
    const field = byId("copied");
    field.value = text;
    byId("copy-dialog").showModal();
    field.select();
  }
}

function say(text) {
  const place = byId("toast");
  place.textContent = text;
  clearTimeout(place.timer);
  place.timer = setTimeout(() => {
    place.textContent = "";
  }, 4000);
}

async function upload(files) {
  if (!files.length) return;
  const place = byId("data-answer");
  if (!place) return;
  place.setAttribute("aria-busy", "true");
  try {
    // A line that names them, and then what they hold.
    const head = JSON.stringify([...files].map(({ name, size }) => ({ name, size })));
    const body = new Blob([head, "\n", ...files]);
    const reply = await fetch(`${form.dataset.upload}?${talk.hash.slice(1)}`, { method: "POST", body });
    const answer = await reply.json();
    for (const [id, html] of Object.entries(answer.parts || { "data-answer": "" })) put(id, html);
    if (answer.error && !answer.parts) say(answer.error);
  } catch {
    say(form.dataset.offline);
  }
  place.setAttribute("aria-busy", "false");
}

function onDrop(event) {
  const zone = event.target.closest ? event.target.closest("[data-drop]") : null;
  if (!zone) return;
  event.preventDefault();
  zone.classList.toggle("over", event.type === "dragover");
  if (event.type === "drop") upload(event.dataTransfer.files);
}

function onHash() {
  // Somebody pasted a link into the address of an open page.
  if (location.hash.startsWith("#e=") && location.hash !== talk.hash) send({ link: location.hash });
}

// ------------------------------------------------------------------------------------------------------ other pages

function filterRows(event) {
  const field = event.target;
  if (!field.dataset.filters) return;
  const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of byId(field.dataset.filters).querySelectorAll("[data-row]")) {
    const text = row.textContent.toLowerCase();
    row.hidden = !wanted.every((each) => text.includes(each));
    shown += row.hidden ? 0 : 1;
  }
  const count = byId(field.dataset.counts);
  if (count) count.textContent = `${shown} ${field.dataset.unit}`;
}

// ------------------------------------------------------------------------------------- a page that lies on a disk

function showPoint(event) {
  if (event.target.type !== "range") return;
  showWord(event.target);
  const place = [...byId("grid").elements].filter((each) => each.type === "range").map((each) => each.value);
  for (const [id, html] of Object.entries(points[place.join(",")])) put(id, html);
}

// ----------------------------------------------------------------------------------------------------------- begin

const points = byId("points") ? JSON.parse(byId("points").textContent) : null;
if (points) byId("grid").addEventListener("input", showPoint);

document.addEventListener("input", filterRows);
document.addEventListener("click", onClick);
if (form) {
  talk.state = JSON.parse(byId("state").textContent);
  form.addEventListener("input", onInput);
  form.addEventListener("change", onChange);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const kind of ["dragover", "dragleave", "drop"]) document.addEventListener(kind, onDrop);
  addEventListener("hashchange", onHash);
  if (location.hash.startsWith("#e=") && location.hash !== "#" + form.dataset.link) {
    link.given = location.hash;
    busy(true);
  } else if (form.dataset.link) {
    talk.hash = "#" + form.dataset.link;
    showAddress();
  }
  showLinks();
  connect();
}
