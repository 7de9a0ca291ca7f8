"use strict";

/* The images behind a cell of a confusion matrix. */
function openImages(key, button) {
  const found = JSON.parse(document.getElementById(key + "-images").textContent);
  const truth = Number(button.dataset.true);
  const predicted = Number(button.dataset.predicted);
  const members = found.images.filter((e) => e.true === truth && e.predicted === predicted);
  const count = Number(button.textContent.replaceAll(",", ""));
  document.getElementById("images-title").textContent =
    truth === predicted
      ? `${found.names[truth]}, classified correctly`
      : `${found.names[truth]}, predicted as ${found.names[predicted]}`;
  document.getElementById("images-note").textContent =
    members.length < count
      ? `${members.length} of ${count} images; the others are not on this page.`
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
  share.textContent = `${Math.round(100 * each.probability)}%`;
  const name = document.createElement("span");
  name.textContent = each.name.split("/").pop();
  name.title = each.name;
  caption.append(share, " ", name);
  if (each.contradictory) {
    caption.append(document.createElement("br"), "a copy has another class");
  }
  figure.append(image, caption);
  return figure;
}

/* Scores at the threshold of the slider. */
function part(count, all) {
  return all > 0 ? (count / all).toFixed(3) : "-";
}

function showThreshold(form, tables) {
  const table = tables[Number(form.querySelector("select").value)];
  const place = Number(form.querySelector("input").value);
  const [found, alarms] = [table.true_positives[place], table.false_positives[place]];
  const [missed, negatives] = [table.positives - found, table.negatives - alarms];
  const values = {
    sensitivity: part(found, table.positives),
    specificity: part(negatives, table.negatives),
    precision: part(found, found + alarms),
    found: found,
    missed: missed,
    "false alarms": alarms,
    "true negatives": negatives,
    chosen:
      table.chosen === null
        ? "No threshold was chosen on validation."
        : `Chosen on validation: ${table.chosen.toFixed(3)}.`,
  };
  const threshold = table.thresholds[place].toFixed(3);
  form.querySelector("output").textContent = threshold;
  form.querySelector("input").setAttribute("aria-valuetext", threshold);
  for (const cell of form.querySelectorAll("[data-value]")) {
    cell.textContent = values[cell.dataset.value];
  }
}

function chooseTable(form, tables) {
  const table = tables[Number(form.querySelector("select").value)];
  const input = form.querySelector("input");
  input.max = table.thresholds.length - 1;
  input.value = table.start;
  showThreshold(form, tables);
}

for (const table of document.querySelectorAll("[data-matrix]")) {
  for (const button of table.querySelectorAll("button")) {
    button.addEventListener("click", () => openImages(table.dataset.matrix, button));
  }
}
for (const form of document.querySelectorAll("[data-slider]")) {
  const tables = JSON.parse(form.querySelector("script").textContent);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.querySelector("select").addEventListener("change", () => chooseTable(form, tables));
  form.querySelector("input").addEventListener("input", () => showThreshold(form, tables));
  chooseTable(form, tables);
}
