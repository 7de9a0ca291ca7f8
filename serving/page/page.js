"use strict";

const SECONDS = 60; // until an answer is given up
const AT_ONCE = 2; // images on their way

const byId = (id) => document.getElementById(id);
let model = null;
let token = sessionStorage.getItem("token");
let working = 0;
let waiting = []; // cards

/* A reason that can be read out. */
class Problem extends Error {
  constructor(text, status = 0) {
    super(text);
    this.status = status;
  }
}

/* Asks the server; a Problem if that comes to nothing, and never without an end. */
async function ask(path, read, body, cells) {
  const options = { signal: AbortSignal.timeout(1000 * SECONDS), cache: "no-store", headers: {} };
  if (token) options.headers.Authorization = `Bearer ${token}`;
  if (cells) {
    const text = new TextEncoder().encode(JSON.stringify(cells));
    options.headers["Inference-Header-Content-Length"] = text.length;
    body = new Blob([text, body]); // patients' data stay out of the address
  }
  if (body) Object.assign(options, { method: "POST", body });
  if (body) options.headers["Content-Type"] = "application/octet-stream";
  try {
    const response = await fetch(path, options);
    if (response.ok) return await response[read]();
    throw new Problem(inWords(response.status, await reasonIn(response)), response.status);
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (error.name === "TimeoutError") throw new Problem(`There was no answer within ${SECONDS} seconds.`);
    if (error.name === "NotReadableError" || error.name === "NotFoundError")
      throw new Problem("The file can no longer be read. Choose it again.");
    throw new Problem("The server can't be reached. Is it still running, and are you connected?");
  }
}

async function reasonIn(response) {
  try {
    const found = await response.json();
    const reason = found.error ?? found.detail;
    return typeof reason === "string" ? reason : "";
  } catch {
    return "";
  }
}

function inWords(status, reason) {
  const words = {
    401: "The server asks for a token.",
    429: "The server is busy. Try again in a moment.",
    503: "The server can't answer at the moment. Try again in a moment.",
    504: "The model took too long. Try again in a moment.",
  };
  if (status in words) return words[status];
  if (status < 500) return reason || `The server refused the image (error ${status}).`;
  return `The server failed (error ${status}). ${reason}`;
}

const megabytes = () => Math.floor(model.max_bytes / 1e5) / 10;

/* Names of files may hold what turns the direction of text, or breaks lines. */
const plain = (name) => name.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");

const say = (text) => (byId("status").textContent = text);

/* --- the model ----------------------------------------------------------------------- */

async function start() {
  byId("trouble").hidden = true;
  try {
    model = await ask("page/model", "json");
  } catch (problem) {
    if (problem.status === 401) return askForToken();
    byId("about").textContent = "";
    byId("trouble").querySelector("span").textContent = problem.message;
    byId("trouble").hidden = false;
    return;
  }
  byId("token-form").hidden = true;
  byId("name").textContent = document.title = model.name;
  byId("about").textContent = model.about;
  byId("kept").textContent = `Images of up to ${megabytes()} MB go to this server and are not kept there.`;
  showFields();
  const shown = [showList("warned", model.warnings), showList("not-for", model.not_for)];
  byId("warnings").hidden = !shown.some(Boolean);
  byId("ask").hidden = false;
  next();
}

function showList(id, texts) {
  const box = byId(id);
  box.querySelector("ul").replaceChildren(...texts.map((text) => made("li", text)));
  box.hidden = !texts.length;
  return texts.length;
}

/* --- what is known beside an image --------------------------------------------------- */

function showFields() {
  const labels = model.fields.map((field) => {
    const label = made("label", `${field.label} `);
    label.append(field.choices ? selectOf(field) : numberOf());
    return label;
  });
  byId("fields").querySelector(".row").replaceChildren(...labels);
  byId("fields").hidden = !labels.length;
}

function numberOf() {
  const input = document.createElement("input");
  Object.assign(input, { type: "number", step: "any" });
  return input;
}

function selectOf(field) {
  const select = document.createElement("select");
  for (const each of [{ value: "", label: "not known" }, ...field.choices]) {
    const option = made("option", each.label);
    option.value = each.value;
    select.append(option);
  }
  return select;
}

/* The cells as they are now, by column; null where the model takes images alone. */
function cellsNow() {
  if (!model.fields.length) return null;
  const controls = [...byId("fields").querySelectorAll("input, select")];
  return Object.fromEntries(model.fields.map((field, place) => [field.name, controls[place].value]));
}

function inOneLine(cells) {
  return model.fields.map((field) => `${field.label}: ${plain(cells[field.name]) || "not known"}`).join(", ");
}

function askForToken() {
  byId("about").textContent = "";
  byId("token-note").textContent = token
    ? "The server does not accept this token. Enter it again."
    : "This server requires a token.";
  byId("token-form").hidden = false;
  byId("token").value = "";
  byId("token").focus();
}

function takeToken(event) {
  event.preventDefault();
  token = byId("token").value.trim();
  if (!/^[!-~]+$/.test(token)) return askForToken(); // no header can hold it
  sessionStorage.setItem("token", token);
  start();
}

/* --- images -------------------------------------------------------------------------- */

function take(files) {
  if (!files.length || !model) return;
  const cells = cellsNow();
  const cards = [...files].map((file) => newCard(file, cells));
  byId("answers").hidden = false;
  byId("cards").prepend(...cards.map((card) => card.item));
  say(cards.length === 1 ? `Asking about ${plain(cards[0].file.name)}` : `Asking about ${cards.length} images`);
  cards[0].item.scrollIntoView({ block: "nearest" });
  cards.forEach(enqueue);
}

function newCard(file, cells) {
  const item = byId("card").content.firstElementChild.cloneNode(true);
  const part = (selector) => item.querySelector(selector);
  const card = { file, cells, item, part, urls: [], isGone: false };
  part(".beside").textContent = cells ? inOneLine(cells) : "";
  part(".beside").hidden = !cells;
  part(".file").textContent = plain(file.name);
  const preview = part(".preview");
  preview.addEventListener("error", () => {
    preview.hidden = true;
    part(".no-preview").hidden = false;
  });
  preview.alt = `Your image ${plain(file.name)}`;
  preview.src = urlOf(card, file);
  part(".remove").setAttribute("aria-label", `Remove ${plain(file.name)}`);
  part(".remove").addEventListener("click", () => removeOne(card));
  part(".again").addEventListener("click", () => enqueue(card));
  part(".ask-map").addEventListener("submit", (event) => showMap(event, card));
  item.card = card;
  return card;
}

function urlOf(card, blob) {
  const url = URL.createObjectURL(blob);
  card.urls.push(url);
  return url;
}

function enqueue(card) {
  if (card.part(".again") === document.activeElement) byId("answers").focus();
  card.part(".problem").hidden = true;
  card.part(".waiting").hidden = false;
  waiting.push(card);
  next();
}

function next() {
  while (model && working < AT_ONCE && waiting.length) work(waiting.shift());
}

async function work(card) {
  working += 1;
  try {
    if (!card.isGone) await answer(card);
  } finally {
    working -= 1;
    next();
  }
}

async function answer(card) {
  try {
    requireSize(card.file);
    show(card, await ask("page/answer", "json", card.file, card.cells));
  } catch (problem) {
    if (card.isGone) return;
    if (problem.status === 401) return lockedOut(card);
    card.part(".problem span").textContent = problem.message;
    card.part(".problem").hidden = false;
    say(`${plain(card.file.name)}: ${problem.message}`);
  }
  card.part(".waiting").hidden = true;
}

function requireSize(file) {
  if (!file.size) throw new Problem("The file is empty.");
  if (file.size > model.max_bytes)
    throw new Problem(`The image is larger than ${megabytes()} MB, the limit of this server.`);
}

/* The token is no longer good: what was asked for is asked again with the next one. */
function lockedOut(card) {
  waiting.push(card);
  model = null;
  askForToken();
}

function show(card, found) {
  const part = card.part;
  part(".verdict").textContent = found.verdict;
  part(".verdict").classList.toggle("unsure", found.is_sure === false);
  part(".why").textContent = found.why;
  part("caption").textContent = model.caption;
  card.item.querySelectorAll("thead th").forEach((th, place) => (th.textContent = model.columns[place]));
  part("tbody").replaceChildren(...found.classes.map(rowOf));
  const more = model.classes.length - found.classes.length;
  part(".rest").textContent = more === 1 ? "One other class is less probable." : `${more} other classes are less probable.`;
  part(".rest").hidden = !more;
  part(".points").replaceChildren(...found.thresholds.map(pointOf));
  offerMap(card, found);
  part(".answer").hidden = false;
  const share = found.is_sure === false ? found.why : found.classes[0].percent;
  say(`${plain(card.file.name)}: ${found.verdict}, ${share}`);
}

function rowOf(each) {
  const row = document.createElement("tr");
  row.classList.toggle("in-set", each.is_likely);
  const name = made("th", each.name);
  name.scope = "row";
  const bar = made("i", "");
  bar.hidden = each.probability === null; // a number that is no share
  bar.style.setProperty("--share", each.probability);
  const cell = made("td", "");
  const box = made("div", "");
  box.className = "bar";
  box.append(bar, made("b", each.percent));
  cell.append(box);
  row.append(name, cell);
  return row;
}

function pointOf(each) {
  const item = made("li", each.text);
  item.classList.toggle("reached", each.is_reached === true);
  item.append(made("small", each.detail));
  return item;
}

function made(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

/* --- maps ---------------------------------------------------------------------------- */

function offerMap(card, found) {
  const part = card.part;
  const options = found.order.map((place) => {
    const option = made("option", model.classes[place]);
    option.value = place;
    return option;
  });
  part(".ask-map select").replaceChildren(...options);
  part(".ask-map label").hidden = part(".ask-map button").hidden = Boolean(model.no_maps);
  part(".note").textContent = model.no_maps;
}

async function showMap(event, card) {
  event.preventDefault();
  const part = card.part;
  const choice = part(".ask-map select");
  const name = choice.selectedOptions[0].textContent;
  const button = part(".ask-map button");
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  part(".note").textContent = "Drawing …";
  try {
    const png = await ask(`page/map?place=${choice.value}`, "blob", card.file, card.cells);
    if (!card.isGone) drawn(card, png, name);
  } catch (problem) {
    part(".map").hidden = true;
    part(".note").textContent = problem.message;
    if (problem.status === 401) askForToken();
  }
  button.removeAttribute("aria-disabled");
}

function drawn(card, png, name) {
  const image = card.part(".map img");
  image.src = urlOf(card, png);
  image.alt = `What in the image supports ${name}: bright regions raise its score`;
  card.part(".map figcaption").textContent = `What supports ${name}, in the image as the model sees it`;
  card.part(".map").hidden = false;
  card.part(".note").textContent =
    "Bright regions raise the score of the class. They show where the model looks, but neither why nor whether it is right to.";
}

/* --- taking away --------------------------------------------------------------------- */

function removeOne(card) {
  const near = card.item.nextElementSibling ?? card.item.previousElementSibling;
  forget(card);
  say(`${plain(card.file.name)} was removed.`);
  if (near) near.querySelector(".remove").focus();
  else noneLeft();
}

function removeAll() {
  [...byId("cards").children].forEach((item) => forget(item.card));
  say("All images were removed.");
  noneLeft();
}

function noneLeft() {
  byId("answers").hidden = true;
  byId("files").focus();
}

function forget(card) {
  card.isGone = true;
  card.item.remove();
  card.urls.forEach((url) => URL.revokeObjectURL(url));
  waiting = waiting.filter((each) => each !== card);
}

/* --- files come in ------------------------------------------------------------------- */

for (const id of ["files", "camera"]) {
  byId(id).addEventListener("change", (event) => {
    take(event.target.files);
    event.target.value = ""; // so that the same file can be chosen again
  });
}

const carriesFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");

addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault(); // else the browser would open what misses the field
  byId("drop").classList.add("over");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) byId("drop").classList.remove("over");
});
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  byId("drop").classList.remove("over");
  take(event.dataTransfer.files);
});
addEventListener("paste", (event) => take(event.clipboardData?.files ?? []));

byId("token-form").addEventListener("submit", takeToken);
byId("clear").addEventListener("click", removeAll);
byId("trouble").querySelector("button").addEventListener("click", start);
start();
