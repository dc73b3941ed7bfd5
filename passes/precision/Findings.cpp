// Findings: their table, and how they are printed.
#include "passes/precision/Findings.h"

using namespace dsmlir;

std::string Origin::describe() const { return location.empty() ? "the command line" : location; }

const std::vector<Diagnostic> &dsmlir::diagnostics() {
  static const std::vector<Diagnostic> table = {
#define DS_DIAGNOSTIC(number, name, severity, summary, example, remedy) {Code::name, Severity::severity, #name, summary, example, remedy},
#include "passes/precision/Diagnostics.def"
  };
  return table;
}

const Diagnostic &dsmlir::diagnostic(Code code) {
  const std::vector<Diagnostic> &table = diagnostics();
  for (const Diagnostic &entry : table)
    if (entry.code == code)
      return entry;
  return table.front(); // not reached: every code comes from the table
}

std::string dsmlir::codeName(Code code) { return "DS" + std::to_string(static_cast<unsigned>(code)); }

Finding dsmlir::makeFinding(Code code, std::string message) {
  Finding finding;
  finding.code = code;
  finding.severity = diagnostic(code).severity;
  finding.message = std::move(message);
  return finding;
}

std::string dsmlir::print(const Finding &finding) {
  std::string text = finding.location.empty() ? "" : finding.location + ": ";
  text += finding.isError() ? "error: [" : "warning: [";
  text += codeName(finding.code) + "] " + finding.message + "\n";
  for (const Note &note : finding.notes)
    text += (note.location.empty() ? "" : note.location + ": ") + "note: " + note.text + "\n";
  return text;
}
