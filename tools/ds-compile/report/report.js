// The page as a whole: totals, filters, selection and policy, around the map and the selected module.

const byId = (id) => document.getElementById(id);
const plan = new Plan(JSON.parse(byId("data").textContent));
const state = {
  query: "",
  by: "compute",
  dtypes: new Set(),
  reason: null,
  found: plan.size,
  cell: null,
  module: null
};

// ---- the selected module

const map = new ModuleMap(byId("map"), plan, {
  select: (cell) => choose(cell, cell.experts && cell.count > 1 ? null : cell.start),
  enter: () => details.enterExperts(),
  escape: () => {
    if (state.found !== plan.size)
      clearFilters();
    else if (state.cell)
      chooseNothing();
    else
      return false;
    return true;
  },
});
const details = new Details(byId("details"), plan, {
  selectExpert: (cell, module) => choose(cell, module),
  leaveExperts: (cell) => {
    choose(cell, null);
    map.elements[cell.number].focus();
  },
  close: () => {
    chooseNothing();
    map.grid.stop.focus();
  },
});

// Shows a module, or all experts of a cell, and remembers it in the address: a link to the page with it opens there.
const choose = (cell, module) => {
  Object.assign(state, {cell, module});
  map.grid.mark(map.elements[cell.number], true);
  details.show(cell, module, state.by);
  const path = module === null ? plan.cellPath(cell) : plan.path(module);
  history.replaceState(null, "", `#${encodeURIComponent(path)}`);
  updateSteps();
};

// Nothing is selected; the keyboard stays where it is.
const chooseNothing = () => {
  Object.assign(state, {cell: null, module: null});
  map.grid.mark(null);
  details.showNothing();
  history.replaceState(null, "", location.pathname);
};

const chooseFromAddress = () => {
  let path = "";
  try {
    path = decodeURIComponent(location.hash.slice(1));
  } catch {
    return;  // no path of ours
  }
  const found = plan.find(path);
  if (!found) return;
  map.grid.column = found.cell.column;
  choose(found.cell, found.module);
  map.elements[found.cell.number].scrollIntoView({block: "center"});
};

// ---- totals

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;

const totalsCell = (value, unit, total, dtype) => {
  const share = total > 0 ? value / total : 0;
  const cell = node("td", {"data-value": value, title: `${group(value)}`}, unit === null ? group(value) : scaled(value, unit));
  if (dtype) {
    const bar = node("i", {class: dtype});
    bar.style.width = `${(100 * share).toFixed(2)}%`;
    cell.append(node("span", {class: "share"}, percent(share)), node("span", {class: `bar ${dtype}`, "aria-hidden": "true"}, bar));
  }
  return cell;
};

const showTotals = () => {
  const totals = plan.totals(), sum = {modules: 0, flops: 0, bytes: 0};
  for (const each of totals.values())
    for (const key of Object.keys(sum)) sum[key] += each[key];
  const lines = inOrder(totals.keys()).map((name) => {
    const each = totals.get(name);
    return node(
        "tr", {"data-dtype": name}, node("th", {scope: "row"}, swatch(name), name), totalsCell(each.modules, null, sum.modules, name),
        totalsCell(each.flops, "", sum.flops, name), totalsCell(each.bytes, "B", sum.bytes, name));
  });
  byId("totals").tBodies[0].replaceChildren(...lines);
  byId("totals").tFoot.replaceChildren(node(
      "tr", {"data-dtype": "all"}, node("th", {scope: "row"}, "all"), totalsCell(sum.modules, null), totalsCell(sum.flops, ""),
      totalsCell(sum.bytes, "B")));
  byId("totals-title").textContent = state.found === plan.size ? "Totals" : `Totals of the ${group(state.found)} modules that match`;
};

// ---- filters

const applyFilters = () => {
  state.found = plan.filter(state);
  map.showMatches();
  showTotals();
  if (state.cell) details.show(state.cell, state.module, state.by);
  const all = state.found === plan.size;
  byId("matches").textContent = all ? `${group(plan.size)} modules` : `${group(state.found)} of ${group(plan.size)} modules`;
  byId("clear").disabled = !state.query && state.dtypes.size === 0 && state.reason === null;
  updateSteps();
};

const clearFilters = () => {
  Object.assign(state, {query: "", reason: null});
  state.dtypes.clear();
  byId("query").value = "";
  byId("reason").selectedIndex = 0;
  for (const button of byId("dtypes").children) button.setAttribute("aria-pressed", "false");
  applyFilters();
};

// The cells that hold a match, from the selected one on: its number, or -1.
const nextMatch = (way) => {
  const count = plan.cells.length, from = state.cell ? state.cell.number : way > 0 ? -1 : count;
  for (let i = 1; i <= count; ++i) {
    const number = (((from + way * i) % count) + count) % count;
    if (!map.elements[number].classList.contains("miss")) return number;
  }
  return -1;
};

const updateSteps = () => {
  for (const id of ["previous", "next"]) byId(id).disabled = state.found === 0;
};

// Goes to the next cell with a match; where one of its experts alone matches, to that expert.
const step = (way) => {
  const number = nextMatch(way);
  if (number < 0) return;
  const cell = plan.cells[number], matches = [];
  for (let module = cell.start; module < cell.start + cell.count && matches.length < 2; ++module)
    if (plan.matching[module]) matches.push(module);
  map.grid.column = cell.column;
  choose(cell, matches.length === 1 || !cell.experts ? matches[0] : null);
  map.elements[number].scrollIntoView({block: "nearest"});
};

const showDtypes = () => {
  const counts = plan.count(state.by);
  byId("dtypes").replaceChildren(...inOrder(counts.keys()).map((name) => {
    const button = node(
        "button", {type: "button", "aria-pressed": state.dtypes.has(name), "data-dtype": name}, swatch(name), `${name} `,
        node("span", {class: "share"}, group(counts.get(name))));
    button.addEventListener("click", () => {
      if (!state.dtypes.delete(name)) state.dtypes.add(name);
      button.setAttribute("aria-pressed", state.dtypes.has(name));
      applyFilters();
    });
    return button;
  }));
};

const setUpFilters = () => {
  const reasons = [...plan.count("reason")].sort((a, b) => b[1] - a[1]), select = byId("reason");
  select.append(node("option", {}, "any"), ...reasons.map(([reason, count]) => node("option", {}, `${reason} (${group(count)})`)));
  select.addEventListener("change", () => {
    state.reason = select.selectedIndex === 0 ? null : reasons[select.selectedIndex - 1][0];
    applyFilters();
  });
  byId("query").addEventListener("input", (event) => {
    state.query = event.target.value;
    applyFilters();
  });
  byId("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter")
      step(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape" && state.query) {
      state.query = event.target.value = "";
      applyFilters();
    } else if (event.key === "Escape")
      map.grid.stop.focus();
    else if (event.key === "ArrowDown") {
      if (state.found > 0 && (!state.cell || map.elements[state.cell.number].classList.contains("miss"))) step(1);
      map.grid.stop.focus();
    } else
      return;
    event.preventDefault();
  });
  for (const radio of document.querySelectorAll("input[name=by]"))
    radio.addEventListener("change", () => {
      state.by = radio.value;
      state.dtypes.clear();
      map.colour(state.by);
      showDtypes();
      applyFilters();
    });
  byId("clear").addEventListener("click", clearFilters);
  byId("next").addEventListener("click", () => step(1));
  byId("previous").addEventListener("click", () => step(-1));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select")) return;
    event.preventDefault();
    byId("query").focus();
    byId("query").select();
  });
};

// ---- what stands around the map

const showHeader = () => {
  const {header, policy, findings} = plan.data;
  document.title = `Precision of ${header.source}`;
  byId("source").append(...breakable(header.source));
  const fact = (name, value) => node("li", {}, `${name} `, node("b", {}, String(value)));
  const facts = [fact("mode", policy.mode), fact("activations", policy.activation_dtype), fact("parameters", policy.params_dtype)];
  if (policy.recipe) facts.push(fact("recipe", policy.recipe.name), fact("recipe from", policy.recipe.source));
  facts.push(fact("blocks", plan.data.blocks.length));
  if (header.experts > 0) facts.push(fact("experts", `${header.experts_per_token} of ${header.experts}`));
  facts.push(fact("modules", group(plan.size)));
  const found = findings.length + header.messages.length;
  if (found > 0) facts.push(node("li", {}, node("a", {href: "#findings-section"}, `${found} finding${found > 1 ? "s" : ""}`)));
  byId("summary").append(...facts);
  byId("made").textContent =
      `${header.tool}, target ${header.target}, model ${header.family}` + (header.hash ? `, source ${header.hash}` : "");
  byId("totals-note").textContent = "FLOPs of the modules for one token, by what they compute in" +
      (header.experts > 0 ? `; a token goes through ${header.experts_per_token} of ${header.experts} experts of a block, evenly spread` :
                            "") +
      ". Bytes of the parameters with their scales, by what they are held in.";
};

const showFindings = () => {
  const {findings, header} = plan.data, list = byId("findings");
  for (const {code, severity, message, where, location, notes} of findings) {
    const item = node("li", {}, node("p", {}, node("span", {class: severity}, `${severity} ${code}`), ` ${message}`));
    if (where || location) item.append(node("p", {class: "hint path"}, [where, location].filter(Boolean).join(" \u2014 ")));
    for (const note of notes) item.append(node("p", {}, `note: ${note.text}${note.location ? ` (${note.location})` : ""}`));
    list.append(item);
  }
  for (const message of header.messages) list.append(node("li", {}, message));
  byId("findings-section").hidden = list.children.length === 0;
};

// The policy as the plan has it: scalars first, each of its sections by itself.
const showPolicy = () => {
  const {options = {}, ...policy} = plan.data.policy, scalars = {}, sections = [];
  for (const [key, value] of Object.entries(policy))
    if (value === null || typeof value !== "object")
      scalars[key] = value;
    else
      sections.push([key.replaceAll("_", " "), value]);
  const given = Object.keys(options).length > 0 ? definitions(options) : node("p", {class: "hint"}, "none: the defaults");
  byId("policy").append(
      node("section", {}, node("h3", {}, "options given"), given), node("section", {}, node("h3", {}, "run"), definitions(scalars)),
      ...sections.map(
          ([title, value]) =>
              node("section", {}, node("h3", {}, title), Array.isArray(value) ? definitions({[title]: value}) : definitions(value))));
};

// A value in a line: "prefill 640, decode 1152".
const inLine = (value) =>
    isPlain(value) ? plainText(value) : Object.entries(value).map(([key, each]) => `${key} ${inLine(each)}`).join(", ");

// What has no parameters stands in no cell: a line each, with the blocks that have it.
const showOthers = () => {
  byId("others").append(...plan.data.others.map(({name, kind, compute, reason, blocks, ...rest}) => {
    const dtype = familyOf(compute), where = blocks.map(([first, last]) => first === last ? `${first}` : `${first}\u2013${last}`);
    const said =
        Object.entries(rest).filter(([, value]) => value !== null).map(([key, value]) => `${key.replaceAll("_", " ")} ${inLine(value)}`);
    return node(
        "tr", {}, node("th", {scope: "row", class: "path"}, ...breakable(name)),
        node("td", {}, where.length > 0 ? `blocks ${where.join(", ")}` : ""), node("td", {}, swatch(dtype), dtype),
        node("td", {}, reason || ""), node("td", {class: "hint"}, [kind, ...said].join(", ")));
  }));
  byId("others-section").hidden = plan.data.others.length === 0;
};

showHeader();
map.colour(state.by);
showDtypes();
setUpFilters();
applyFilters();
showOthers();
showFindings();
showPolicy();
chooseFromAddress();
window.addEventListener("hashchange", chooseFromAddress);
// Ready to be used; the marks say how long that took, and how long until the browser had drawn it.
performance.mark("ready");
document.documentElement.dataset.ready = "true";
requestAnimationFrame(() => setTimeout(() => performance.mark("drawn"), 0));
