"""Opens pages of `ds-compile --report` in a headless Chromium and holds what they show and do to what ds-compile says otherwise.

Usage: report_page.py CHECKS MODEL FOLDER [OPTION...]   CHECKS: some of the functions below; OPTIONs are ds-compile's; files go to FOLDER
"""
import collections
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", ".."))
from browser import Browser  # noqa: E402

FAMILY = {"f32": "fp32", "bf16": "bf16", "f16": "fp16", "f8E4M3FN": "fp8", "f4E2M1FN": "fp4", "nf4": "fp4"}
LETTERS = {"fp32": "F", "bf16": "B", "fp16": "H", "fp8": "8", "fp4": "4"}
MARK = "document.documentElement.dataset.ready === 'true'"


def expect(what, got, expected):
    if got != expected:
        sys.exit(f"error: {what}: expects {expected!r}, but got {got!r}")


class Report:
    """A page, open and ready, and what ds-compile says about the same model and options."""

    def __init__(self, browser, model, folder, options):
        os.makedirs(folder, exist_ok=True)
        self.browser, self.model, self.options = browser, model, options
        self.page, plan = os.path.join(folder, "report.html"), os.path.join(folder, "plan.json")
        self.compile("--report", self.page, "--plan-out", plan)
        with open(plan, encoding="utf-8") as file:
            self.plan = json.load(file)
        self.modules = json.loads(self.compile("--list-modules=json"))["modules"]
        config = model if model.endswith(".json") else os.path.join(model, "config.json")
        with open(config, encoding="utf-8") as file:
            self.config = json.load(file)
        self.open()

    def compile(self, *arguments):
        return subprocess.run(["ds-compile", self.model, *self.options, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout

    def open(self, path=""):
        self.browser.run("location.replace('about:blank')")  # else another fragment alone would not open the page anew
        self.browser.open(self.page, f"#{path}" if path else "")
        self.browser.wait(MARK)

    def cells(self):
        """The paths of the map's cells: modules, and one for the experts of a projection."""
        return list(dict.fromkeys(re.sub(r"(\.experts\.)\d+", r"\1*", module["path"]) for module in self.modules))

    def explained(self, path):
        """--explain of a module: the line that says what was decided, and the chain as [layer, what it said, whether it decided]."""
        decided, links = self.explained_whole(path)
        return decided, [link for link in links if link[0] not in self.OF_THE_PLAN]

    # Lines of --explain that are read off the plan: the page shows them apart from the chain.
    OF_THE_PLAN = ("checkpoint", "persistent", "resident", "decode")

    def explained_whole(self, path):
        lines = self.compile("--explain", path).splitlines()
        return lines[1].strip(), [[line[4:20].strip(), line[20:], line.startswith("  * ")] for line in lines[2:]]

    def shown(self):
        """The same of the page's panel, with the path."""
        return self.browser.run("""
            const panel = document.getElementById('details'), decided = panel.querySelector('.decided').cloneNode(true);
            decided.querySelector('.swatch').remove();
            return [panel.querySelector('h2').textContent, decided.textContent,
                    [...panel.querySelectorAll('.chain li')].map((line) =>
                        [line.querySelector('.layer').textContent, line.querySelector('.said').textContent, line.classList.contains('won')])]""")

    def expect_shown(self, path):
        expect("the panel", self.shown(), [path, *self.explained(path)])
        # How the parameter becomes what is resident: "quantised", "reused as it is".
        panel = self.browser.run("return document.getElementById('details').textContent")
        for layer, said, _ in self.explained_whole(path)[1]:
            how = said.rsplit(": ", 1)[-1]
            expect(f"the panel to say '{how}'", layer not in ("persistent", "resident") or how in panel, True)

    def totals(self):
        """The table of totals: {dtype: [modules, FLOPs, bytes]}."""
        rows = self.browser.run("""return [...document.querySelectorAll('#totals [data-dtype]')].map((row) =>
            [row.dataset.dtype, [...row.querySelectorAll('td')].map((cell) => Number(cell.dataset.value))])""")
        return {dtype: values for dtype, values in rows}

    def expected_totals(self):
        """The same, from --list-modules and --plan-out."""
        totals = collections.defaultdict(lambda: [0, 0, 0])
        for module in self.modules:
            totals[module["compute"]][0] += 1
        held = set()
        for operation in self.plan["operations"]:
            parameter, resident = operation["parameter"], operation["parameter"]["resident"]
            resident = resident["payload"] if isinstance(resident, dict) else resident
            if (parameter["name"], resident) not in held and not parameter.get("shares"):
                totals[FAMILY[resident]][2] += parameter["bytes"]
            held.add((parameter["name"], resident))
            flops = operation.get("flops_per_token", 0)
            if ".experts." in operation["path"]:  # a stack of experts: of its tokens, those that choose one of them
                flops = flops * parameter["shape"][0] * self.config["num_experts_per_tok"] / self.config["n_routed_experts"]
            totals[FAMILY[operation["compute"]]][1] += flops
        totals["all"] = [sum(values[column] for values in totals.values()) for column in range(3)]
        return dict(totals)

    def matches(self):
        return self.browser.run("return document.getElementById('matches').textContent").replace("\u202f", "")

    def focused(self):
        return self.browser.run("return document.activeElement.getAttribute('aria-label') || document.activeElement.id")

    def expect_quiet(self):
        """Nothing was fetched but the page, and nothing complains."""
        expect("the console", self.browser.console(), [])
        fetched = {address.partition("#")[0] for address in self.browser.requests()}
        expect("requests", [address for address in fetched if not address.startswith("file:///") or not address.endswith(".html")], [])


def shows(report):
    """The map, totals, search, filters, keyboard and panel."""
    browser, modules = report.browser, report.modules
    cells = report.cells()
    expect("cells", browser.run("return document.querySelectorAll('#map .cell').length"), len(cells))
    expect("rows", browser.run("return document.querySelectorAll('#map tbody tr').length"), report.config["num_hidden_layers"] + 2)
    expect("totals", report.totals(), report.expected_totals())
    letters = {module["path"]: LETTERS[module["compute"]] for module in modules}
    for path, letter in browser.run("return plan.cells.filter((c) => !c.experts).map((c) => [c.name, map.elements[c.number].textContent[0]])"):
        expect(f"the letter of {path}", letter, letters[path])

    others = {re.sub(r"^blocks\.\d+\.", "", each["path"]) for each in report.plan.get("without_parameters", [])}
    expect("operations without parameters", set(browser.run("return [...document.querySelectorAll('#others th')].map((e) => e.textContent)")), others)

    # A mixture of experts' dtypes says so in words, and shows each expert by itself.
    mixed = browser.run("return document.querySelector('#map [aria-label^=\"blocks.1.ffn.experts.[0-7].gate_proj\"]').getAttribute('aria-label')")
    expect("a mixed cell", mixed, "blocks.1.ffn.experts.[0-7].gate_proj: computes 7 in fp8, 1 in bf16")

    # The keyboard: into the map, along it, into the experts and back.
    browser.run("document.getElementById('map').querySelector('[tabindex=\"0\"]').focus()")
    browser.press("ArrowDown", "ArrowDown", "ArrowRight")
    report.expect_shown("blocks.1.attn.q_a_proj")
    expect("the focus", report.focused(), "blocks.1.attn.q_a_proj: computes in fp8")
    browser.press("ArrowUp", "ArrowRight")
    report.expect_shown("blocks.0.attn.q_a_norm")
    expect("selected cells", browser.run("return [...document.querySelectorAll('#map [aria-selected]')].map((e) => e.ariaLabel)"),
           ["blocks.0.attn.q_a_norm: computes in fp16"])
    browser.press("Home")
    report.expect_shown("blocks.0.attn_norm")
    browser.press("Control+End")
    report.expect_shown("lm_head")
    browser.press("Control+Home")
    report.expect_shown("token_embeddings")
    browser.press("ArrowLeft", "ArrowUp")  # nothing is there
    report.expect_shown("token_embeddings")
    # Past a row that has no such module: dense blocks have no router.
    browser.run("choose(plan.find('blocks.1.ffn.router').cell, plan.find('blocks.1.ffn.router').module);"
                "map.grid.column = state.cell.column; map.elements[state.cell.number].focus()")
    browser.press("ArrowUp")
    report.expect_shown("token_embeddings")
    browser.press("ArrowDown", "ArrowRight")
    expect("the cell of all experts", report.shown()[0], "blocks.1.ffn.experts.[0-7].gate_proj")
    expect("its groups", browser.run("return [...document.querySelectorAll('#details h3')].map((e) => e.textContent)"),
           ["experts 0\u20132, 4\u20137", "expert 3"])
    browser.press("Enter", "ArrowRight", "ArrowRight", "ArrowRight")
    expect("the focus", report.focused(), "expert 3: bf16")
    report.expect_shown("blocks.1.ffn.experts.3.gate_proj")
    browser.press("ArrowLeft")
    report.expect_shown("blocks.1.ffn.experts.2.gate_proj")
    browser.press("Escape")
    expect("the focus", report.focused(), mixed)
    expect("the cell of all experts", report.shown()[0], "blocks.1.ffn.experts.[0-7].gate_proj")

    # Search: from anywhere, by words, to the module that matches.
    browser.press("/")
    expect("the focus", report.focused(), "query")
    browser.type("experts.5 UP")
    found = [module for module in modules if "experts.5" in module["path"] and "up" in module["path"]]
    expect("matches", report.matches(), f"{len(found)} of {len(modules)} modules")
    expect("totals of what matches", report.totals()["all"][0], len(found))
    hits = browser.run("return plan.cells.filter((c) => !map.elements[c.number].classList.contains('miss')).map((c) => c.name)")
    expect("cells that match", hits, [path.replace(".5.", ".*.") for path in (module["path"] for module in found)])
    browser.press("Enter")
    first = report.shown()[0]
    expect("the first match", first in [module["path"] for module in found], True)
    report.expect_shown(first)
    browser.press("Enter")
    expect("another match", report.shown()[0] != first, len(found) > 1)
    browser.press("Escape")
    expect("matches", report.matches(), f"{len(modules)} modules")
    expect("the field", browser.run("return document.getElementById('query').value"), "")
    browser.type("no such module")
    expect("matches", report.matches(), f"0 of {len(modules)} modules")
    expect("the button", browser.run("return document.getElementById('next').disabled"), True)
    browser.press("Escape")

    # Filters: by dtype, by reason, both.
    browser.click("#dtypes [data-dtype=fp16]")
    expect("matches", report.matches(), f"1 of {len(modules)} modules")
    browser.click("#next")
    report.expect_shown("blocks.0.attn.q_a_norm")
    browser.click("#dtypes [data-dtype=bf16]")
    high = sum(module["compute"] in ("bf16", "fp16") for module in modules)
    expect("matches", report.matches(), f"{high} of {len(modules)} modules")
    select = "const s = document.getElementById('reason'); s.selectedIndex = [...s.options].findIndex((o) => o.text.startsWith(arguments[0]));" \
             "s.dispatchEvent(new Event('change'))"
    browser.run(select, "override (")
    overridden = sum(module["reason"] == "override" for module in modules)
    expect("matches", report.matches(), f"{overridden} of {len(modules)} modules")
    browser.run("map.elements[0].focus()")
    browser.press("Escape")  # in the map: clears the filters
    expect("matches", report.matches(), f"{len(modules)} modules")

    # Colours by what is stored, and by what is held in memory.
    colour = "return getComputedStyle(document.querySelector('#map [aria-label^=\"blocks.0.attn.q_a_proj\"]')).backgroundColor"
    compute = browser.run(colour)
    browser.click("input[value=stored]")
    expect("another colour", browser.run(colour) != compute, True)
    stored = collections.Counter(module["persistent"] or report.plan["params_dtype"] for module in modules)
    chips = browser.run("return [...document.querySelectorAll('#dtypes button')].map((b) => [b.dataset.dtype, Number(b.querySelector('.share').textContent)])")
    expect("dtypes of storage", dict(chips), dict(stored))
    browser.click("input[value=resident]")
    browser.click("#dtypes [data-dtype=fp8]")
    expect("bytes of what is held in fp8", {dtype: values[2] for dtype, values in report.totals().items()},
           {"fp8": report.expected_totals()["fp8"][2], "all": report.expected_totals()["fp8"][2]})
    browser.click("#clear")
    browser.click("input[value=compute]")

    # A link to a module.
    report.open("blocks.1.ffn.experts.3.gate_proj")
    report.expect_shown("blocks.1.ffn.experts.3.gate_proj")
    report.open("blocks.9.%nothing")
    expect("no module", browser.run("return document.querySelector('#details h2')"), None)
    policy = browser.run("return document.getElementById('policy').textContent")
    for text in ("blocks.0.attn.q_a_norm=fp16", "f8E4M3FN, tiles of 1 \u00d7 128, f32 scales by amax, nearest rounding", "loss scaling"):
        expect(f"'{text}' in the policy", text in policy, True)


def other(report):
    """Another family, sizes and checkpoint: the same holds, without what `shows` knows of its model."""
    browser = report.browser
    expect("cells", sorted(browser.run("return plan.cells.map((cell) => cell.name)")), sorted(report.cells()))
    expect("paths", sorted(browser.run("return Array.from(plan.classOf, (_, module) => plan.path(module))")),
           sorted(module["path"] for module in report.modules))
    expect("dtypes and reasons", dict(browser.run("return Array.from(plan.classOf, (_, m) => [plan.path(m), plan.decision(m).compute + plan.decision(m).reason])")),
           {module["path"]: module["compute"] + module["reason"] for module in report.modules})
    expect("totals", report.totals(), report.expected_totals())
    for module in (report.modules[0], report.modules[len(report.modules) // 2], report.modules[-1]):
        report.open(module["path"])
        report.expect_shown(module["path"])


def contrast(report):
    """The least contrast of text with its background among a cell of each dtype, the text and the hints (WCAG 2.1, section 1.4.3)."""
    return report.browser.run("""
        const channels = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
        const luminance = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const background = (e) => { for (; e; e = e.parentElement) {
            const colour = getComputedStyle(e).backgroundColor; if (!/, 0\\)/.test(colour)) return colour; } };
        const probe = document.createElement('div');
        document.querySelector('#details').append(probe);
        const ratios = ['fp32', 'bf16', 'fp16', 'fp8', 'fp4'].map((dtype) => {
            probe.className = 'cell ' + dtype;
            const style = getComputedStyle(probe);
            return ratio(luminance(channels(style.color)), luminance(channels(style.backgroundColor)));
        });
        probe.remove();
        for (const selector of ['h1', '.hint', '#map tbody th', '.facts a', '#matches'])
            for (const e of document.querySelectorAll(selector))
                ratios.push(ratio(luminance(channels(getComputedStyle(e).color)), luminance(channels(background(e)))));
        return Math.min(...ratios);""")


def adapts(report):
    """Narrow windows, dark mode, names and roles for assistive technology."""
    browser = report.browser
    for width in (1400, 800, 360, 320):
        browser.window(width, 740)
        for selected in ("", "blocks.1.ffn.experts.3.gate_proj"):
            report.open(selected)
            overflow = browser.run("return document.documentElement.scrollWidth - window.innerWidth")
            expect(f"overflow at {width} pixels", overflow <= 0, True)
            smallest = browser.run("return Math.min(...[...document.querySelectorAll('#map .cell')].map((e) => e.getBoundingClientRect().width))")
            expect(f"cells that can be hit at {width} pixels", smallest >= 12, True)
    # The sheet of the selected module stands over the lower edge, and the focus is not under it.
    browser.window(360, 740)
    report.open()
    browser.run("map.elements[0].focus()")
    browser.press(*["ArrowDown"] * (report.config["num_hidden_layers"] + 1))
    below, above = browser.run("return [document.activeElement.getBoundingClientRect().bottom, document.getElementById('details').getBoundingClientRect().top]")
    expect("the focus above the sheet", below <= above, True)
    browser.press(*["ArrowUp"] * report.config["num_hidden_layers"])
    above, below = browser.run("return [document.activeElement.getBoundingClientRect().top, document.querySelector('#map thead').getBoundingClientRect().bottom]")
    expect("the focus below the headings, which stay in sight", above >= below >= 0, True)
    # Escape, and on a small screen a button, close it.
    browser.press("Escape")
    expect("the closed sheet", browser.run("return [document.querySelector('#details h2'), document.activeElement.getAttribute('role')]"), [None, "gridcell"])
    browser.press("Enter")
    browser.click("#details .close")
    expect("the closed sheet", browser.run("return [document.querySelector('#details h2'), document.activeElement.getAttribute('role')]"), [None, "gridcell"])
    browser.window(1400, 1000)

    look = "const s = (e) => getComputedStyle(e); return [s(document.body).backgroundColor, s(document.body).color, s(document.querySelector('#map .fp8')).backgroundColor]"
    browser.media(prefers_color_scheme="light")
    light, least = browser.run(look), contrast(report)
    expect("contrast of 4.5 in light mode", least >= 4.5, True)
    browser.media(prefers_color_scheme="dark")
    dark, least = browser.run(look), contrast(report)
    expect("contrast of 4.5 in dark mode", least >= 4.5, True)
    expect("other colours in dark mode", [a != b for a, b in zip(light, dark)], [True] * 3)
    expect("a dark page", max(map(int, re.findall(r"\d+", dark[0])[:3])) < 64, True)
    browser.media(prefers_color_scheme="light")

    report.open("blocks.1.ffn.experts.3.gate_proj")
    browser.devtools("Accessibility.enable")
    nodes = [node for node in browser.devtools("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
    roles = collections.Counter(node["role"]["value"] for node in nodes)
    unnamed = [node["role"]["value"] for node in nodes if not node.get("name", {}).get("value")
               and node["role"]["value"] in ("button", "combobox", "grid", "gridcell", "link", "radio", "searchbox")]
    expect("controls without a name", unnamed, [])
    expect("grids: the map and the experts", roles["grid"], 2)
    expect("cells", roles["gridcell"], len(report.cells()) + report.config["n_routed_experts"])
    expect("landmarks", [roles[role] > 0 for role in ("banner", "main", "search", "complementary", "contentinfo")], [True] * 5)


def hostile(report):
    """Markup in paths and patterns is text: it is shown, and does nothing."""
    browser = report.browser
    expect("the heading", browser.run("return document.getElementById('source').textContent"), report.model)
    taken, unmatched = [option for option in report.options if "<" in option]
    report.open("blocks.0.attn.out_proj")
    report.expect_shown("blocks.0.attn.out_proj")
    expect("the pattern in the chain", any(taken in said for _, said, _ in report.shown()[2]), True)
    expect("the pattern in the policy", taken in browser.run("return document.getElementById('policy').textContent"), True)
    expect("the other one in the findings", unmatched in browser.run("return document.getElementById('findings').textContent"), True)
    reasons = browser.run("return [...document.getElementById('reason').options].map((o) => o.text)")
    expect("the pattern among the reasons", any(taken in reason for reason in reasons), True)
    expect("elements of strangers", browser.run("return document.querySelectorAll('img, iframe, object, script:not([type])').length"), 1)  # ours
    expect("what their scripts did", browser.run("return window.hacked === undefined"), True)


def large(report):
    """61 blocks, 256 experts: everything is there, and searching finds one of 47 000."""
    browser = report.browser
    expect("modules", report.matches(), f"{len(report.modules)} modules")
    expect("cells", browser.run("return document.querySelectorAll('#map .cell').length"), len(report.cells()))
    expect("totals", report.totals(), report.expected_totals())
    path = f"blocks.{report.config['num_hidden_layers'] - 1}.ffn.experts.{report.config['n_routed_experts'] - 1}.down_proj"
    browser.press("/")
    browser.type(path)
    expect("matches", report.matches(), f"1 of {len(report.modules)} modules")
    browser.press("Enter")
    report.expect_shown(path)
    expect("experts", browser.run("return document.querySelectorAll('#details .experts .cell').length"), report.config["n_routed_experts"])
    expect("less than 1.5 MB", os.path.getsize(report.page) < 1_500_000, True)


def main():
    checks, model, folder, *options = sys.argv[1:]
    with Browser() as browser:
        report = Report(browser, model, folder, options)
        for check in checks.split(","):
            {"shows": shows, "other": other, "adapts": adapts, "hostile": hostile, "large": large}[check](report)
            report.open()
        report.expect_quiet()
    print(f"{checks}: as ds-compile says")


if __name__ == "__main__":
    main()
