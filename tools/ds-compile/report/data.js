"use strict";
// The plan as the page holds it: every module's class, which of them match the filters, and totals. Nothing here touches the page.
//
// Modules are numbered in the order of the map: in front of the blocks, block by block and column by column (the experts of a projection
// stand together), behind the blocks. The data's form is described in ReportData.h.

const DTYPES = [
  {name: "fp32", letter: "F"},
  {name: "bf16", letter: "B"},
  {name: "fp16", letter: "H"},
  {name: "fp8", letter: "8"},
  {name: "fp4", letter: "4"},
];
// As the plan writes dtypes of values and payloads.
const FAMILY = {
  f32: "fp32",
  bf16: "bf16",
  f16: "fp16",
  f8E4M3FN: "fp8",
  f8E5M2: "fp8",
  f4E2M1FN: "fp4",
  nf4: "fp4"
};

// The dtypes among some, in order; one that is not known here stands behind the others, not nowhere.
const inOrder = (names) => {
  const rank = (name) => DTYPES.findIndex((each) => each.name === name) >>> 0;  // -1 is last
  return [...names].sort((a, b) => rank(a) - rank(b));
};

const letterOf = (dtype) => (DTYPES.find((each) => each.name === dtype) || {letter: "?"}).letter;

// The family of a dtype or of a quantisation format: "bf16", {payload: "nf4", ...}.
const familyOf = (format) => {
  const name = format && typeof format === "object" ? format.payload : format;
  return FAMILY[name] || name || "?";
};

class Plan {
  constructor(data) {
    this.data = data;
    this.classes = data.classes.map(([type, compute, stored, reason, chain, index]) => {
      const operation = data.operations[index] || null;
      return {
        type,
        compute,
        stored,
        resident: operation ? familyOf(operation.resident) : stored,
        reason,
        chain: data.chains[chain],
        operation
      };
    });
    this.classOf = [];      // of each module
    this.cells = [];        // {row, column, span, name, start, count, runs, experts}: what the map shows; modules start .. start + count
    this.rows = [];         // {label, cells}
    this.moduleCells = [];  // the cell of each module
    this.outside(data.before, "in");
    for (const [number, entries] of data.blocks) this.block(number, entries);
    this.outside(data.after, "out");
    this.matching = new Uint8Array(this.classOf.length).fill(1);
    this.paths = null;  // all of them, in lower case: made at the first search
  }

  outside(modules, label) {
    if (modules.length === 0) return;
    const row = {label, cells: []}, columns = Math.max(this.data.columns.length, modules.length);
    this.rows.push(row);
    modules.forEach(([path, decided], index) => {
      const column = Math.floor((index * columns) / modules.length);
      const span = Math.floor(((index + 1) * columns) / modules.length) - column;
      this.cell(row, {column, span, name: path, label: path, experts: false}, [[1, decided]]);
    });
  }

  block(number, entries) {
    const row = {label: String(number), cells: []};
    this.rows.push(row);
    for (const [column, ...content] of entries) {
      const experts = Array.isArray(content[0]), name = `blocks.${number}.${this.data.columns[column]}`;
      this.cell(row, {column, span: 1, name, label: "", experts}, experts ? content : [[1, content[0]]]);
    }
  }

  cell(row, cell, runs) {
    Object.assign(cell, {row: this.rows.length - 1, index: row.cells.length, number: this.cells.length, start: this.classOf.length, runs});
    for (const [count, decided] of runs)
      for (let i = 0; i < count; ++i) {
        this.classOf.push(decided);
        this.moduleCells.push(cell.number);
      }
    cell.count = this.classOf.length - cell.start;
    this.cells.push(cell);
    row.cells.push(cell);
  }

  get size() {
    return this.classOf.length;
  }

  decision(module) {
    return this.classes[this.classOf[module]];
  }

  // The exact path of a module.
  path(module) {
    const cell = this.cells[this.moduleCells[module]];
    return cell.experts ? cell.name.replace("*", module - cell.start) : cell.name;
  }

  // What a cell stands for: a module's path, or that of all experts of a projection.
  cellPath(cell) {
    if (!cell.experts) return cell.name;
    return cell.name.replace("*", cell.count === 1 ? "0" : `[0-${cell.count - 1}]`);
  }

  // The cell, and for a single module its number, of a path as `path` and `cellPath` write it; or null.
  find(path) {
    for (const cell of this.cells) {
      if (this.cellPath(cell) === path) return {cell, module: cell.experts && cell.count > 1 ? null : cell.start};
      if (!cell.experts) continue;
      const [head, tail] = cell.name.split("*"), expert = path.slice(head.length, path.length - tail.length);
      if (path.startsWith(head) && path.endsWith(tail) && /^\d+$/.test(expert) && Number(expert) < cell.count)
        return {cell, module: cell.start + Number(expert)};
    }
    return null;
  }

  // How often each dtype stands in a cell, the most frequent first: [[dtype, count], ...].
  mixture(cell, by) {
    const counts = new Map();
    for (const [count, decided] of cell.runs) {
      const dtype = this.classes[decided][by];
      counts.set(dtype, (counts.get(dtype) || 0) + count);
    }
    return [...counts].sort((a, b) => b[1] - a[1]);
  }

  // The modules of a cell in groups of one class: [{decision, modules}, ...].
  groups(cell) {
    const groups = new Map();
    for (let module = cell.start; module < cell.start + cell.count; ++module) {
      const decided = this.classOf[module];
      if (!groups.has(decided)) groups.set(decided, {decision: this.classes[decided], modules: []});
      groups.get(decided).modules.push(module);
    }
    return [...groups.values()];
  }

  // How many modules have each value of a key ("compute", "stored", "resident", "reason"): a Map.
  count(key) {
    const counts = new Map();
    for (const {runs} of this.cells)
      for (const [count, decided] of runs) {
        const value = this.classes[decided][key];
        counts.set(value, (counts.get(value) || 0) + count);
      }
    return counts;
  }

  // Sets `matching`: all words in the path, one of the dtypes (none: any) in `by`, and the reason ("": any). How many match.
  filter({query, by, dtypes, reason}) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length > 0 && !this.paths) this.paths = Array.from(this.classOf, (_, module) => this.path(module).toLowerCase());
    const fits =
        this.classes.map((decision) => (dtypes.size === 0 || dtypes.has(decision[by])) && (reason === null || decision.reason === reason));
    let found = 0;
    for (let module = 0; module < this.size; ++module) {
      const match = fits[this.classOf[module]] && words.every((word) => this.paths[module].includes(word));
      this.matching[module] = match ? 1 : 0;
      if (match) ++found;
    }
    return found;
  }

  // Bytes in memory of a module, and the FLOPs that a token takes in it: a routed expert's for the share of tokens that choose it where
  // tokens are spread evenly.
  cost(module) {
    const {operation} = this.decision(module), {experts, experts_per_token: chosen} = this.data.header;
    if (!operation) return {bytes: 0, flops: 0};
    const share = this.cells[this.moduleCells[module]].experts && experts > 0 ? chosen / experts : 1;
    return {bytes: operation.bytes, flops: operation.flops * share};
  }

  // Of the modules that match: by dtype, how many compute in it, with how many FLOPs a token, and the bytes that are held in it.
  totals() {
    const perClass = new Map();  // key: class and whether routed; FLOPs are summed as integers first
    for (let module = 0; module < this.size; ++module) {
      if (!this.matching[module]) continue;
      const key = this.classOf[module] * 2 + (this.cells[this.moduleCells[module]].experts ? 1 : 0);
      perClass.set(key, (perClass.get(key) || 0) + 1);
    }
    const totals = new Map(), routed = new Map(), {experts, experts_per_token: chosen} = this.data.header;
    const entry = (dtype) => {
      if (!totals.has(dtype)) totals.set(dtype, {modules: 0, flops: 0, bytes: 0});
      return totals.get(dtype);
    };
    for (const [key, count] of perClass) {
      const {compute, resident, operation} = this.classes[key >> 1];
      entry(compute).modules += count;
      if (!operation) continue;
      entry(resident).bytes += count * operation.bytes;
      if (key % 2 === 0)
        entry(compute).flops += count * operation.flops;
      else
        routed.set(compute, (routed.get(compute) || 0) + count * operation.flops);
    }
    for (const [dtype, flops] of routed) entry(dtype).flops += experts > 0 ? (flops * chosen) / experts : flops;
    return totals;
  }
}
