"""Writes MLIR that is nested N deep in one way: nested.py WAY N."""
import sys

way, n = sys.argv[1], int(sys.argv[2])


def attribute(text):
    return f"module attributes {{test.it = {text}}} {{}}"


def aliases(sigil, first, each, use):
    lines = [f"{sigil}a0 = {first}"] + [f"{sigil}a{i} = {each % (sigil + f'a{i - 1}')}" for i in range(1, n)]
    return "\n".join(lines) + "\n" + use % f"{sigil}a{n - 1}"


print(
    {
        "regions": lambda: "module {" * n + "}" * n,
        "attributes": lambda: attribute("[" * n + "]" * n),
        "types": lambda: "%x = builtin.unrealized_conversion_cast to " + "tuple<" * n + "i32" + ">" * n,
        "parentheses": lambda: attribute("(" * n + ")" * n),
        "locations": lambda: "module {} " + 'loc(fused["a", ' * n + '"b"' + "])" * n,
        "attribute-aliases": lambda: aliases("#", "[1]", "[%s]", attribute("%s")),
        "type-aliases": lambda: aliases("!", "tuple<i32>", "tuple\n<%s>", attribute("%s")),
        "location-aliases": lambda: aliases("#", 'loc("a")', 'loc("b"(%s))', "module {} loc(%s)"),
        "arrows": lambda: attribute("[() -> (), " * n + "1" + "]" * n),
        "strings": lambda: attribute('["]\\"]", ' * n + "1" + "]" * n),
        "comments": lambda: attribute("[ // ]\n" * n + "]" * n),
        "mismatched": lambda: attribute("[)>}" * n),
        "flat": lambda: attribute("[" + '["((((", [], {}, () -> (), "\\""], // (((\n' * n + "1]"),
        "affine": lambda: attribute("affine_map<(d0) -> (" + "-" * n + "d0)>"),
    }[way]()
)
