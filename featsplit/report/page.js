"use strict";
// A page can be read without this. With it tables are sorted and copied, and images stepped through. Whatever a run
// calls its classes comes in as text: nothing here writes HTML.

const make = (tag, text = "", fields = {}) => Object.assign(document.createElement(tag), { textContent: text }, fields);
const press = (text, done) => make("button", text, { type: "button", onclick: done });

// ---- tables ----

const NUMBER = /^[-+]?\.?\d/;
const LATEX = {
  "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
  "±": "$\\pm$", "<": "$<$", ">": "$>$",
};

// Rows by a column: numbers by what the cell begins with, else as text, which follows numbers; what is empty or "-"
// comes last, either way.
function ordered(rows, column, down) {
  const keyed = rows.map((row) => [row, row.cells[column].textContent.trim()]);
  const isSaid = ([, text]) => text && text !== "-";
  const compared = (a, b) => {
    const [one, other] = [NUMBER.test(a), NUMBER.test(b)];
    if (one && other) return parseFloat(a) - parseFloat(b);
    return one !== other ? other - one : a.localeCompare(b, "en", { numeric: true });
  };
  const some = keyed.filter(isSaid).sort(([, a], [, b]) => (down ? compared(b, a) : compared(a, b)));
  return [...some, ...keyed.filter((one) => !isSaid(one))].map(([row]) => row);
}

function sort(table, head) {
  const down = head.ariaSort === "ascending";
  table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
  head.ariaSort = down ? "descending" : "ascending";
  const body = table.tBodies[0];
  body.append(...ordered([...body.rows], head.cellIndex, down));
}

const cellsOf = (table) => [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent));

function asCsv(cells) {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return cells.map((line) => line.map(quoted).join(",")).join("\n");
}

function asLatex(cells) {
  const escaped = (text) => text.replace(/[&%$#_{}\\~^±<>]/g, (letter) => LATEX[letter] ?? `\\${letter}`);
  const [head, ...lines] = cells.map((line) => line.map(escaped).join(" & ") + " \\\\");
  const columns = "l" + "r".repeat(cells[0].length - 1);
  return [`\\begin{tabular}{${columns}}`, "\\toprule", head, "\\midrule", ...lines, "\\bottomrule", "\\end{tabular}"]
    .join("\n");
}

// Copies a text; where a browser gives no clipboard to a file, by a field, which stays to be copied by hand.
async function copy(text, button, status) {
  status.textContent = "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = make("textarea", text, { readOnly: true, ariaLabel: "Text to copy" });
    status.after(field);
    field.select();
    if (!document.execCommand("copy")) return;
    field.remove();
    button.focus();
  }
  status.textContent = "copied";
}

function equip(table) {
  if ("sortable" in table.dataset) {
    for (const head of table.querySelectorAll("thead th:not(:empty)")) {
      head.replaceChildren(press(head.textContent, () => sort(table, head)));
    }
  }
  const status = make("span", "", { role: "status" });
  const tools = make("div", "", { className: "copy" });
  for (const [name, render] of [["CSV", asCsv], ["LaTeX", asLatex]]) {
    const button = press(`Copy as ${name}`, () => copy(render(cellsOf(table)), button, status));
    tools.append(button);
  }
  tools.append(status);
  table.parentElement.after(tools);
}

// ---- images ----

const MIDDLE = 128;

// The pixels of a sheet of images, by the number of an image on it.
async function cutter(image, { size: [height, width], columns, gap }) {
  await image.decode();
  const sheet = make("canvas", "", { width: image.naturalWidth, height: image.naturalHeight });
  const context = sheet.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return (number) =>
    context.getImageData(
      (width + gap) * (number % columns), (height + gap) * Math.floor(number / columns), width, height);
}

// What was changed, about mid-grey: on one scale for all images.
function changed(before, after, times) {
  const pixels = after.data.map((value, at) => (at % 4 === 3 ? 255 : MIDDLE + times * (value - before.data[at])));
  return new ImageData(pixels, after.width, after.height);
}

function draw(canvas, pixels, says) {
  canvas.width = pixels.width;
  canvas.height = pixels.height;
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  canvas.ariaLabel = says;
}

async function explore(root) {
  const data = JSON.parse(root.querySelector("script").textContent);
  const part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((one) => [one.dataset.part, one]));
  const images = [...root.querySelectorAll("[data-sheet]")];
  const cut = Object.fromEntries(
    await Promise.all(images.map(async (image) => [image.dataset.sheet, await cutter(image, data)])));
  const name = (label) => data.classes[label];
  let chosen = 0, number = 0, fitting = [];

  function show(where, pixels, says) {
    part[where].hidden = !pixels;
    if (!pixels) return;
    draw(part[where].querySelector("canvas"), pixels, says);
    part[where].querySelector("figcaption").textContent = says;
  }

  const fits = (set, one) => {
    const maker = set.maker ?? 0;
    const given = set.given[one];
    return [-1, set.of[one]].includes(+part.class.value)
      && set.confidence[one][maker][2] >= part.sure.value
      && !(part.fooled.checked && set.control !== null
        && !(given !== set.of[one] && set.predicted[one][set.control][2] === given));
  };

  function render() {
    const set = data.sets[chosen];
    const nothing = !fitting.length;
    part.where.textContent = nothing ? "No image of this set fits; change what is asked of them."
      : `Image ${fitting.indexOf(number) + 1} of ${fitting.length} (training image ${set.index[number]}): ` +
        `${name(set.of[number])}, labelled ${name(set.given[number])}`;
    part.title.textContent = set.title;
    part.shown.hidden = nothing;
    if (nothing) return;
    const source = cut.source(set.source[number]);
    const start = cut[`start-${data.starts[chosen]}`]?.(number);
    const derived = cut[`derived-${chosen}`](number);
    const times = +part.times.value;
    const reach = (MIDDLE / 255 / times).toFixed(3);
    part["times-says"].textContent = `× ${times}`;
    show("source", source, `source: ${name(set.of[number])}`);
    show("start", start, `start: ${name(set.started[number])}`);
    show("derived", derived, `derived: labelled ${name(set.given[number])}`);
    const before = start ?? (set.start[number] === null ? source : null); // noise is not kept
    show("change", before && changed(before, derived, times),
      `change from the ${start ? "start" : "source"}: grey is none, black −${reach}, white +${reach}`);
    part.predicted.replaceChildren(...data.networks.map((network, at) => {
      const row = make("tr");
      const role = set.maker === at ? " (made it)" : set.control === at ? " (control)" : "";
      const cells = set.predicted[number][at].map((label, when) =>
        make("td", label < 0 ? "-" : `${name(label)} (${set.confidence[number][at][when].toFixed(3)})`));
      row.append(make("th", network + role, { scope: "row" }), ...cells);
      return row;
    }));
    const [far, near] = [set.start[number], set.end[number]];
    part.distance.textContent = near === null ? "" : `${set.distance}: ` +
      (far === null ? near : `${far} at the start, ${near} at the end`) + ".";
    beside(set.index[number]);
  }

  function beside(index) {
    data.sets.forEach((set, at) => {
      const there = set.index.indexOf(index);
      const button = part.beside.children[at];
      button.hidden = there < 0;
      if (there < 0) return;
      draw(button.firstChild, cut[`derived-${at}`](there), "");
      button.lastChild.textContent = `${set.label}: labelled ${name(set.given[there])}`;
      button.ariaPressed = at === chosen;
    });
  }

  // What fits, after a choice; the source image stays if it can.
  function filter() {
    const set = data.sets[chosen];
    part["sure-says"].textContent = (+part.sure.value).toFixed(2);
    part.fooled.disabled = set.control === null;
    fitting = set.index.map((_, one) => one).filter((one) => fits(set, one));
    if (!fitting.includes(number)) number = fitting[0] ?? 0;
    render();
  }

  function choose(at) {
    const index = data.sets[chosen].index[number];
    [chosen, part.set.value] = [at, at];
    number = Math.max(0, data.sets[chosen].index.indexOf(index));
    filter();
  }

  function step(by) {
    const at = fitting.indexOf(number) + by;
    if (fitting.length) number = fitting[(at + fitting.length) % fitting.length];
    render();
  }

  part.set.append(...data.sets.map((set, value) => make("option", set.label, { value })));
  part.class.append(...data.classes.map((text, value) => make("option", text, { value })));
  part.beside.append(...data.sets.map((_, at) => {
    const button = press("", () => choose(at));
    button.append(make("canvas", "", { ariaHidden: "true" }), make("span"));
    return button;
  }));
  part.times.value = data.times;
  part.set.onchange = () => choose(+part.set.value);
  part.class.onchange = part.sure.oninput = part.fooled.onchange = filter;
  part.times.oninput = render;
  part.back.onclick = () => step(-1);
  part.on.onclick = () => step(1);
  document.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key], at = event.target;
    const ours = at === document.body || (root.contains(at) && !at.matches("input, select, .wide"));
    if (!by || !ours || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    step(by);
  });
  root.querySelector(".sheets").hidden = true;
  root.querySelector(".tool").hidden = false;
  filter();
  performance.mark("explorer");
}

document.querySelectorAll(".explorer").forEach(explore);
document.querySelectorAll(".wide table:not(.plain)").forEach(equip);
