// The selected module: what was decided and why, its formats and costs; of a projection with experts, the experts one by one.

const SI = ["", "k", "M", "G", "T", "P"];

// 671026419200 as "671.03 G", with an exact number in reach: {text, exact}.
const scaled = (value, unit) => {
  let power = 0, rest = value;
  while (rest >= 1000 && power < SI.length - 1) {
    rest /= 1000;
    ++power;
  }
  const digits = power === 0 && Number.isInteger(rest) ? 0 : rest >= 100 ? 1 : 2;
  return `${rest.toFixed(digits)} ${SI[power]}${unit}`.trim();
};

// A format as a line: "f8E4M3FN in tiles of 1 x 128, f32 scales (amax), nearest rounding".
const formatText = (format) => {
  if (format === null || format === undefined) return "none";
  if (typeof format !== "object") return String(format);
  const extent = (value, whole) => (value === 0 || value === undefined ? whole : value);
  const [rows, columns] = format.tile || [];
  let text =
      `${format.payload}, tiles of ${extent(rows, "all")} \u00d7 ${extent(columns, "all")}, ${format.scale} scales by ${format.rule}`;
  if (format.outer_scale) text += ` and one f32 scale a ${format.outer_scale}`;
  text += `, ${format.rounding} rounding`;
  if (format.rounding === "stochastic") text += ` (seed ${format.seed})`;
  return format.amax_floor ? `${text}, amax at least ${format.amax_floor}` : text;
};

const isFormat = (value) => value !== null && typeof value === "object" && "payload" in value;

const isPlain = (value) => value === null || typeof value !== "object" || isFormat(value);

const plainText = (value) => {
  if (isFormat(value)) return formatText(value);
  if (value === null) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
};

// Any JSON object as a list of terms.
const definitions = (object) => {
  const list = node("dl");
  for (const [key, value] of Object.entries(object)) {
    const term = key.replaceAll("_", " ");
    if (isPlain(value))
      list.append(node("dt", {}, term), node("dd", {}, plainText(value)));
    else if (Array.isArray(value))
      list.append(
          node("dt", {}, term),
          node("dd", {}, ...value.map((each) => node("div", {}, isPlain(each) ? plainText(each) : definitions(each)))));
    else
      list.append(node("dt", {}, term), node("dd", {}, definitions(value)));
  }
  return list;
};

const chainList = (chain) => node("ol", {class: "chain", "aria-label": "Decisions in order"}, ...chain.map(([layer, said, won]) => {
  const text = node("span", {}, node("span", {class: "said"}, said));
  if (won) text.append(node("span", {class: "won-mark"}, "\u2605 decides"));
  return node("li", won ? {class: "won"} : {}, node("span", {class: "layer"}, layer), text);
}));

// "0\u20132, 4\u2013255" of ascending numbers.
const ranges = (numbers) => {
  const parts = [];
  for (let i = 0; i < numbers.length;) {
    let end = i;
    while (end + 1 < numbers.length && numbers[end + 1] === numbers[end] + 1) ++end;
    parts.push(end === i ? `${numbers[i]}` : `${numbers[i]}\u2013${numbers[end]}`);
    i = end + 1;
  }
  return parts.length > 12 ? `${parts.slice(0, 12).join(", ")} and ${parts.length - 12} more ranges` : parts.join(", ");
};

class Details {
  constructor(element, plan, {selectExpert, leaveExperts, close}) {
    this.element = element;
    this.plan = plan;
    this.selectExpert = selectExpert;
    this.leaveExperts = leaveExperts;
    this.close = close;
    this.empty = [...element.childNodes];  // what stands there while nothing is selected
    this.grid = null;                      // of the experts
  }

  decided(decision) {
    return node(
        "p", {class: "decided"}, "computes in ", swatch(decision.compute),
        `${decision.compute}, stored in ${decision.stored} (${decision.reason})`);
  }

  facts(module) {
    const decision = this.plan.decision(module), {operation} = decision, facts = {type: decision.type};
    if (!operation) return definitions(facts);
    const cost = this.plan.cost(module),
          {stored, through, steps, resident, shape, bytes, flops, activation, weight, shared, ...rest} = operation;
    facts.operation = rest.kind;
    if (shape) facts.shape = shape.join(" \u00d7 ");
    facts.parameter = [`in the file ${formatText(stored)}`];
    if (steps) facts.parameter.push(...steps.map(({stage, format, how}) => `${stage} ${formatText(format)}${how ? `: ${how}` : ""}`));
    if (through) facts.parameter.push(`through ${formatText(through)}`);
    facts.parameter.push(`in memory ${formatText(resident)}`);
    if (activation) facts["activation operand"] = activation;
    if (weight) facts["weight operand"] = weight;
    facts["bytes in memory"] = shared ? `those of ${shared}` : `${group(bytes)}`;
    if (flops) facts["FLOPs"] = cost.flops === flops ? `${group(flops)} a token` : `${group(flops)} for a token that chooses it`;
    for (const [key, value] of Object.entries(rest))
      if (key !== "kind" && key !== "compute") facts[key] = value;
    return definitions(facts);
  }

  // Shows a module (a number), or a cell with all of its experts (module null).
  show(cell, module, by) {
    const children = [];
    if (module === null) {
      children.push(node("h2", {class: "path"}, ...breakable(this.plan.cellPath(cell))));
      for (const {decision, modules} of this.plan.groups(cell)) {
        const experts = modules.length === cell.count ?
            `all ${cell.count} experts` :
            `expert${modules.length > 1 ? "s" : ""} ${ranges(modules.map((each) => each - cell.start))}`;
        children.push(node("h3", {}, experts), this.decided(decision), chainList(decision.chain));
      }
    } else {
      const decision = this.plan.decision(module);
      children.push(
          node("h2", {class: "path"}, ...breakable(this.plan.path(module))), this.decided(decision), chainList(decision.chain),
          this.facts(module));
    }
    if (cell.experts && cell.count > 1)
      children.splice(1, 0, ...this.experts(cell, module, by));
    else
      this.grid = null;
    const hadFocus = this.element.querySelector(".experts")?.contains(document.activeElement);
    const close = node("button", {class: "close", type: "button", "aria-label": "Close"}, "\u00d7");
    close.addEventListener("click", this.close);
    this.element.replaceChildren(...children, close);
    if (hadFocus && this.grid)
      this.grid.stop.focus();
    else
      this.element.scrollTop = 0;
  }

  showNothing() {
    this.element.replaceChildren(...this.empty);
    this.grid = null;
  }

  // The experts of a cell as a grid; the one that is selected is marked.
  experts(cell, selected, by) {
    const across = cell.count > 32 ? 16 : 8, body = node("tbody"), rows = [];
    for (let first = 0; first < cell.count; first += across) {
      const line = node("tr"), cells = [];
      for (let expert = first; expert < Math.min(first + across, cell.count); ++expert) {
        const module = cell.start + expert, dtype = this.plan.decision(module)[by];
        const element = node(
            "td", {
              role: "gridcell",
              tabindex: -1,
              class: `cell ${dtype}${this.plan.matching[module] ? "" : " miss"}`,
              "aria-label": `expert ${expert}: ${dtype}`,
              title: `expert ${expert}: ${dtype}`
            },
            letterOf(dtype));
        line.append(element);
        cells.push({element, column: expert - first, span: 1, value: module});
      }
      body.append(line);
      rows.push(cells);
    }
    const table = node("table", {class: "experts", role: "grid", "aria-label": `Experts of ${cell.name}`}, body);
    this.grid = new KeyboardGrid(table, rows, {
      select: (module) => this.selectExpert(cell, module),
      enter: () => {},
      escape: () => {
        this.leaveExperts(cell);
        return true;
      },
    });
    if (selected !== null) {
      const expert = selected - cell.start;
      this.grid.mark(rows[Math.floor(expert / across)][expert % across].element);
    }
    return [node("p", {class: "hint"}, `Experts 0 to ${cell.count - 1}, ${across} in a row`), table];
  }

  // The keyboard goes into the experts, if there are any.
  enterExperts() {
    if (!this.grid) return;
    this.grid.go(this.grid.positions.get(this.grid.stop));
  }
}
