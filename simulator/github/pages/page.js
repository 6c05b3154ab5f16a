// Keeps what happens in sight: looks every two seconds whether the page has changed, and swaps only what has.
"use strict";

function paint(root) {
  for (const label of root.querySelectorAll(".label[data-color]")) label.style.backgroundColor = "#" + label.dataset.color;
  for (const time of root.querySelectorAll("time")) time.textContent = ago(new Date(time.dateTime));
}

function ago(then) {
  const seconds = Math.max(0, (Date.now() - then) / 1000);
  for (const [size, name] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${name}${count === 1 ? "" : "s"} ago`;
  }
  return seconds < 5 ? "just now" : `${Math.floor(seconds)} seconds ago`;
}

// Lights up the lines that an address such as #L5-L9 names; a single one is the style sheet's `:target`.
function light() {
  for (const row of document.querySelectorAll("tr.lit")) row.classList.remove("lit");
  const range = location.hash.match(/^#L(\d+)-L(\d+)$/);
  if (!range) return;
  for (let line = +range[1]; line <= +range[2]; line++) document.getElementById("L" + line)?.classList.add("lit");
  document.getElementById("L" + range[1])?.scrollIntoView({ block: "center" });
}

let seen = null;
async function look() {
  const live = document.getElementById("live");
  const busy = live && [...live.querySelectorAll("textarea")].some((box) => box.value || box === document.activeElement);
  if (!live || busy || document.hidden) return;
  const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
  if (!fresh) return;
  const text = fresh.innerHTML;
  if (seen !== null && seen !== text) {
    const open = new Map([...live.querySelectorAll("details[id]")].map((each) => [each.id, each.open]));
    live.replaceChildren(...fresh.childNodes);
    for (const [id, was] of open) if (document.getElementById(id)) document.getElementById(id).open = was;
  }
  seen = text;
  paint(live);
}

function addNote(row) {
  const { path, line } = row.dataset;
  const next = row.nextElementSibling;
  if (next && next.classList.contains("draft")) return next.querySelector("textarea").focus();
  const draft = document.createElement("tr");
  draft.className = "draft talk";
  const cell = draft.insertCell();
  cell.colSpan = 3;
  const fields = { path, line };
  for (const [name, value] of Object.entries(fields)) {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    field.setAttribute("form", "review");
    cell.append(field);
  }
  const note = Object.assign(document.createElement("textarea"), { name: "note", rows: 3, placeholder: `Comment on ${path}:${line}` });
  note.setAttribute("form", "review");
  cell.append(note);
  row.after(draft);
  note.focus();
}

document.addEventListener("click", (event) => {
  if (event.target.classList.contains("add-note")) addNote(event.target.closest("tr"));
});
document.addEventListener("change", (event) => {
  if ("submit" in event.target.dataset) event.target.form.submit();
});
addEventListener("hashchange", light);
paint(document);
light();
setInterval(() => look().catch(() => {}), 2000);
