"use strict";

/* The images behind a cell of a confusion matrix. */
function openImages(key, button) {
  const found = JSON.parse(document.getElementById(key + "-images").textContent);
  const truth = Number(button.dataset.true);
  const taken = Number(button.dataset.predicted);
  const members = found.images.filter((e) => e.true === truth && e.predicted === taken);
  const count = Number(button.textContent.replaceAll(",", ""));
  document.getElementById("images-title").textContent =
    truth === taken
      ? `${found.names[truth]}, recognised`
      : `${found.names[truth]}, taken for ${found.names[taken]}`;
  document.getElementById("images-note").textContent =
    members.length < count
      ? `${members.length} of ${count} images; the others are left out of this page.`
      : `All ${count} images, the most confident first.`;
  document.getElementById("images-list").replaceChildren(...members.map(figureOf));
  document.getElementById("images").showModal();
}

function figureOf(each) {
  const figure = document.createElement("figure");
  const image = document.createElement("img");
  image.src = "data:image/jpeg;base64," + each.jpeg;
  image.alt = each.name;
  const caption = document.createElement("figcaption");
  const share = document.createElement("b");
  share.textContent = `${Math.round(100 * each.probability)} %`;
  const name = document.createElement("span");
  name.textContent = each.name.split("/").pop();
  name.title = each.name;
  caption.append(share, " ", name);
  if (each.contradictory) {
    caption.append(document.createElement("br"), "a copy is filed under another class");
  }
  figure.append(image, caption);
  return figure;
}

/* What a threshold comes to. */
function part(count, all) {
  return all > 0 ? (count / all).toFixed(3) : "-";
}

function showThreshold(form) {
  const table = JSON.parse(form.querySelector("script").textContent);
  const place = Number(form.querySelector("input").value);
  const [found, missed] = [table.true_positives[place], table.false_negatives[place]];
  const [alarms, alone] = [table.false_positives[place], table.true_negatives[place]];
  const values = {
    sensitivity: part(found, found + missed),
    specificity: part(alone, alone + alarms),
    precision: part(found, found + alarms),
    found: found,
    missed: missed,
    "false alarms": alarms,
    "rightly left alone": alone,
  };
  form.querySelector("output").textContent = table.thresholds[place].toFixed(3);
  for (const cell of form.querySelectorAll("[data-value]")) {
    cell.textContent = values[cell.dataset.value];
  }
}

for (const table of document.querySelectorAll("[data-matrix]")) {
  for (const button of table.querySelectorAll("button")) {
    button.addEventListener("click", () => openImages(table.dataset.matrix, button));
  }
}
for (const form of document.querySelectorAll("[data-slider]")) {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.querySelector("input").addEventListener("input", () => showThreshold(form));
  showThreshold(form);
}
