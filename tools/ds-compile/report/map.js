// The map of blocks by modules: a grid of cells, one for each module, and one for all experts of a projection.

const node = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (key === "class")
      element.className = value;
    else if (value !== null)
      element.setAttribute(key, value);
  element.append(...children);  // strings become text, never markup
  return element;
};

// Text that may be broken behind slashes and dots, for paths in narrow places.
const breakable = (text) => text.split(/(?<=[/.])/).flatMap((part) => [part, node("wbr")]);

// 45337 as "45 337", with narrow blanks. (The browser's own formatting takes long to start.)
const group = (number) => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, "\u202f");

// The letter of a dtype on its colour; the name stands beside it.
const swatch = (dtype) => node("span", {class: `swatch ${dtype}`, "aria-hidden": "true"}, letterOf(dtype));

// Shares of a cell in the colours of their dtypes, from below; a single module of many stays visible.
const mixtureGradient = (mixture) => {
  const total = mixture.reduce((sum, [, count]) => sum + count, 0);
  const shares = mixture.map(([, count]) => Math.max(count / total, 0.2)), all = shares.reduce((sum, share) => sum + share, 0);
  let at = 0;
  const stops = mixture.map(([dtype], index) => {
    const from = at;
    at += (100 * shares[index]) / all;
    return `var(--${dtype}, var(--unknown)) ${from.toFixed(1)}% ${at.toFixed(1)}%`;
  });
  return `linear-gradient(to top, ${stops.join(", ")})`;
};

// A grid of cells with one of them in the tab order, moved by the arrow keys. `rows` are arrays of {element, column, span, value}.
class KeyboardGrid {
  constructor(element, rows, {select, enter, escape}) {
    this.rows = rows;
    this.column = 0;  // where the way up and down goes on, past cells that stand for several columns
    this.select = select;
    this.current = null;  // the selected element
    this.stop = null;     // the element in the tab order
    this.positions = new Map();
    rows.forEach((cells, row) => cells.forEach((cell, index) => this.positions.set(cell.element, {row, index, cell})));
    this.reach(rows[0][0].element);
    element.addEventListener("click", (event) => {
      const found = this.positions.get(event.target.closest("td"));
      if (found) this.go(found);
    });
    element.addEventListener("keydown", (event) => {
      const at = this.positions.get(event.target);
      if (!at || event.altKey || event.metaKey) return;
      if (event.key === "Escape") {
        if (escape(at.cell.value)) event.preventDefault();
      } else if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        this.go(at);
        enter(at.cell.value);
      } else {
        const next = this.step(at, event.key, event.ctrlKey);
        if (!next) return;
        event.preventDefault();
        if (next !== at) this.go(next, /Up$|Down$/.test(event.key));
      }
    });
  }

  step({row, index}, key, control) {
    const last = this.rows.length - 1, at = (r, i) => this.positions.get(this.rows[r][i].element);
    if (key === "ArrowLeft") return index > 0 ? at(row, index - 1) : at(row, index);
    if (key === "ArrowRight") return at(row, Math.min(index + 1, this.rows[row].length - 1));
    if (key === "Home") return control ? at(0, 0) : at(row, 0);
    if (key === "End") return control ? at(last, this.rows[last].length - 1) : at(row, this.rows[row].length - 1);
    const steps = {ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10}[key];
    if (!steps) return null;
    // The next row that has something in this column; a page moves as far as it can.
    const way = Math.sign(steps);
    let found = at(row, index), left = Math.abs(steps);
    for (let r = row + way; r >= 0 && r <= last && left > 0; r += way, --left) {
      const there = this.rows[r].findIndex((cell) => cell.column <= this.column && this.column < cell.column + cell.span);
      if (there >= 0)
        found = at(r, there);
      else if (left === 1)
        ++left;
    }
    return found;
  }

  // Selects and focuses a cell.
  go(position, keepColumn = false) {
    this.mark(position.cell.element, keepColumn);
    position.cell.element.focus();
    this.select(position.cell.value);
  }

  // Makes a cell the selected one; null: none is. The focus stays where it is.
  mark(element, keepColumn = false) {
    if (this.current) this.current.removeAttribute("aria-selected");
    this.current = element;
    if (!element) return;
    element.setAttribute("aria-selected", "true");
    this.reach(element);
    if (!keepColumn) this.column = this.positions.get(element).cell.column;
  }

  // Tab leads to this element.
  reach(element) {
    if (this.stop) this.stop.tabIndex = -1;
    this.stop = element;
    element.tabIndex = 0;
  }
}

class ModuleMap {
  constructor(table, plan, actions) {
    this.plan = plan;
    this.elements = [];  // by the cell's number
    const columns = plan.data.columns.map((name) => {
      const dot = name.lastIndexOf(".");
      return {group: dot < 0 ? "" : name.slice(0, dot).replace(".*", ""), leaf: name.slice(dot + 1), experts: name.includes("*")};
    });
    const width = Math.max(columns.length, ...plan.rows.map((row) => row.cells.length));
    table.style.setProperty("--columns", width);
    table.setAttribute("aria-colcount", width + 1);
    table.setAttribute("aria-rowcount", plan.rows.length);
    table.append(node("colgroup", {}, ...Array.from({length: width + 1}, () => node("col"))), this.head(columns));
    const body = node("tbody"), rows = [];
    for (const row of plan.rows) {
      const line = node("tr", {}, node("th", {scope: "row"}, row.label)), cells = [];
      let column = 0;
      for (const cell of row.cells) {
        if (cell.column > column) line.append(node("td", {colspan: cell.column - column, "aria-hidden": "true"}));
        const element = node("td", {role: "gridcell", tabindex: -1, colspan: cell.span === 1 ? null : cell.span});
        line.append(element);
        this.elements[cell.number] = element;
        cells.push({element, column: cell.column, span: cell.span, value: cell});
        column = cell.column + cell.span;
      }
      body.append(line);
      if (cells.length > 0) rows.push(cells);
    }
    table.append(body);
    this.grid = new KeyboardGrid(table, rows, actions);
  }

  head(columns) {
    const groups = node("tr", {}, node("td", {"aria-hidden": "true"})),
          leaves = node("tr", {}, node("th", {scope: "col", class: "leaf"}, node("span", {}, "block")));
    for (let i = 0; i < columns.length;) {
      let end = i + 1;
      while (columns[i].group && end < columns.length && columns[end].group === columns[i].group) ++end;
      const name = columns[i].group.split(".").pop().replace("_experts", "");
      const heading = node("th", {scope: "colgroup", colspan: end - i, class: name ? "group" : "", title: columns[i].group}, name);
      if (columns[i].experts) heading.append(node("span", {class: "count"}, ` \u00d7${this.plan.data.header.experts}`));
      groups.append(heading);
      i = end;
    }
    for (const {leaf} of columns) leaves.append(node("th", {scope: "col", class: "leaf"}, node("span", {}, leaf)));
    return node("thead", {}, groups, leaves);
  }

  // Colours and letters by "compute", "stored" or "resident".
  colour(by) {
    for (const cell of this.plan.cells) {
      const element = this.elements[cell.number], mixture = this.plan.mixture(cell, by), dtype = mixture[0][0], mixed = mixture.length > 1;
      element.className = `cell ${dtype}${cell.experts ? " many" : ""}${cell.label ? " named" : ""}`;
      element.textContent = letterOf(dtype) + (mixed ? "+" : "") + (cell.label ? ` ${cell.label}` : "");
      if (mixed) element.append(node("span", {class: "count"}, mixture.slice(1).map(([other]) => letterOf(other)).join("+")));
      if (mixed)
        element.style.setProperty("--mixture", mixtureGradient(mixture));
      else
        element.style.removeProperty("--mixture");
      const verb = {compute: "computes", stored: "stored", resident: "held"}[by];
      const said = mixed ? mixture.map(([each, count]) => `${count} in ${each}`).join(", ") : `in ${dtype}`;
      element.setAttribute(
          "aria-label", `${this.plan.cellPath(cell)}: ${cell.count > 1 && !mixed ? `all ${cell.count} ` : ""}${verb} ${said}`);
      element.title = element.getAttribute("aria-label");
    }
  }

  // Steps back what does not match.
  showMatches() {
    for (const cell of this.plan.cells) {
      let match = false;
      for (let module = cell.start; module < cell.start + cell.count && !match; ++module) match = this.plan.matching[module] === 1;
      this.elements[cell.number].classList.toggle("miss", !match);
    }
  }
}
