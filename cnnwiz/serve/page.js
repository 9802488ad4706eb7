"use strict";

const at = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(1)} %`;
let limit = Infinity;
let latest = 0; // only the answer to the last image is shown

function say(text, wrong = false) {
  at("status").textContent = text;
  at("status").classList.toggle("wrong", wrong);
}

async function start() {
  const about = await (await fetch("/about")).json();
  limit = about.most_bytes;
  document.title = `${about.name}: try it`;
  at("name").textContent = about.name;
  at("about").textContent = `${about.run} · ${about.weights} weights, epoch ${about.epoch} · sees ${about.image_size} px`;
  at("all").querySelector("summary").textContent = `The ${about.classes} classes it knows`;
  at("all").querySelector("p").textContent = about.names.join(", ") + (about.classes > about.names.length ? ", ..." : "");
}

async function ask(file) {
  const mine = ++latest;
  if (file.size > limit) return say(`${file.name}: more than ${limit / 2 ** 20} MB: take a smaller image`, true);
  say(`Looking at ${file.name} ...`);
  try {
    const headers = { "Content-Type": "application/octet-stream" };
    const response = await fetch("/predict", { method: "POST", headers, body: file });
    const answer = await response.json();
    if (mine !== latest) return;
    if (!response.ok) {
      at("result").hidden = true;
      return say(`${file.name}: ${answer.error}`, true);
    }
    show(file.name, answer);
  } catch {
    if (mine === latest) say("No answer: is cnnwiz serve still running?", true);
  }
}

function show(name, answer) {
  say(`${name}, ${answer.size[0]}x${answer.size[1]} pixels`);
  const picture = at("picture");
  picture.onload = () => at("stack").classList.toggle("small", picture.naturalWidth <= 96);
  picture.src = answer.picture;
  picture.alt = `${name} as the network sees it`;
  at("caption").textContent = "The square in the middle, at the size the network sees.";
  at("said").textContent = `${answer.classes[0].name}, ${percent(answer.classes[0].probability)}`;
  at("classes").replaceChildren(...answer.classes.map(row));
  const looked = answer.classes.some((one) => one.looked);
  at("fade").hidden = at("looked").hidden = !looked;
  at("hint").textContent = looked ? "Choose a class to see where it was found; bright is strong." : "";
  at("result").hidden = false;
  at("drop").classList.add("small");
  if (looked) select(at("classes").firstChild, answer.classes[0]);
}

function row(one) {
  const made = document.createElement("button");
  const [bar, name, share] = ["bar", "name", "share"].map((kind) => {
    const part = document.createElement("span");
    part.className = kind;
    return part;
  });
  bar.style.width = percent(one.probability).replace(" ", "");
  name.textContent = one.name;
  share.textContent = percent(one.probability);
  made.type = "button";
  made.className = "class";
  made.setAttribute("role", "radio");
  made.setAttribute("aria-checked", "false");
  made.disabled = !one.looked;
  made.append(bar, name, share);
  made.addEventListener("click", () => select(made, one));
  return made;
}

function select(made, one) {
  for (const other of at("classes").children) {
    other.setAttribute("aria-checked", String(other === made));
    other.tabIndex = other === made ? 0 : -1;
  }
  at("looked").src = one.looked;
  at("looked").alt = one.where === "nowhere" ? `Nothing speaks for ${one.name}` : `${one.name} was found: ${one.where}`;
}

function fade() {
  at("looked").style.opacity = at("strength").value / 100;
}

at("file").addEventListener("change", (event) => {
  if (event.target.files.length) ask(event.target.files[0]);
  event.target.value = ""; // so that the same file can be chosen again
});
at("strength").addEventListener("input", fade);
at("classes").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  const live = [...at("classes").children].filter((one) => !one.disabled);
  if (!step || !live.length) return;
  event.preventDefault();
  const next = live[(live.indexOf(document.activeElement) + step + live.length) % live.length];
  next.focus();
  next.click();
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault(); // else the browser opens the file instead
    at("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) ask(event.dataTransfer.files[0]);
  });
}
document.addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files][0];
  if (file) ask(file);
});
fade();
start().catch(() => say("No answer: is cnnwiz serve still running?", true));
