// What precision resolution has to say to the user: findings with stable codes, where the offending selection was written, and
// what to write instead. All findings of a run are collected and reported together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmlir {

/// Where a selection was written. Sources are ordered: a scalar of a later one wins over an earlier one, lists append in this order.
struct Origin {
  enum class Source : uint8_t { Policy, File, CommandLine };
  Source source = Source::CommandLine;
  std::string location; ///< "model.mlir:3:12" of the policy in the IR, the path of a precision file; empty on the command line

  /// "the command line", "precision.json", "model.mlir:3:12".
  std::string describe() const;
};

enum class Severity : uint8_t { Warning, Error };

/// The codes; Diagnostics.def is the table with a description and an example for each.
enum class Code : uint16_t {
#define DS_DIAGNOSTIC(number, name, severity, summary, example, remedy) name = number,
#include "passes/precision/Diagnostics.def"
};

struct Diagnostic {
  Code code;
  Severity severity; ///< warnings become errors under --strict-rules
  const char *name;
  const char *summary; ///< one line, what is wrong
  const char *example; ///< the options, or the whole command, that causes it
  const char *remedy;  ///< what to write instead
};

/// The table, in the order of the codes; the reference page of codes is generated from it.
const std::vector<Diagnostic> &diagnostics();
const Diagnostic &diagnostic(Code code);

/// "DS1002".
std::string codeName(Code code);

/// A second place that a finding speaks of: the other side of a conflict, or what to do.
struct Note {
  std::string text;
  std::string location; ///< as Origin::location; empty where there is none
};

struct Finding {
  Code code;
  Severity severity;
  std::string message;  ///< "override 'blocks.9.attn.q_a_norm' matches no module; blocks are 0..2"
  std::string where;    ///< the selection: "--module-compute-dtype-rule '.*q_c_norm=fp16'"
  std::string location; ///< where the selection was written, or (DS1004) the module; as Origin::location, empty where there is none
  std::string module;   ///< the first module concerned, empty where none is
  std::vector<uint32_t> modules; ///< all modules concerned, as indices into the list given to resolve()
  std::vector<Note> notes;
  std::vector<std::string> suggestions; ///< existing paths, the most likely first; at most three

  bool isError() const { return severity == Severity::Error; }
};

/// A finding with the code's own severity.
Finding makeFinding(Code code, std::string message);

/// "error: [DS1002] override ..." and one line a note: what a tool prints where it has no source location to point at.
std::string print(const Finding &finding);

} // namespace dsmlir
