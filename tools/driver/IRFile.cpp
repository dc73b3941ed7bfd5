// readIRFile, parseIRFile.
#include "tools/driver/IRFile.h"

#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

using dsrt::Status;

namespace dsmlir {
namespace {

/// Brackets that are open at one place of a text. What closes none, or closes across others, is left to the parser, which refuses
/// it or reads it as an operator: "->", and ">=" and "<=" of affine sets.
class Brackets {
public:
  void read(char before, char c) {
    if (c == '(' || c == '[' || c == '{' || c == '<')
      open.push_back(c);
    else if (c == ')')
      close('(');
    else if (c == ']')
      close('[');
    else if (c == '}')
      close('{');
    else if (c == '>' && before != '-' && !open.empty() && open.back() == '<')
      open.pop_back();
  }
  size_t depth() const { return open.size(); }

private:
  void close(char opening) {
    size_t last = llvm::StringRef(open).find_last_not_of('<');
    if (last != llvm::StringRef::npos && open[last] == opening)
      open.resize(last);
  }

  std::string open;
};

/// How deep a text nests, strings and comments aside: brackets, and aliases of attributes and types, each of which is as deep as
/// what it stands for. Printing recurses into those as parsing does into brackets.
class Nesting {
public:
  explicit Nesting(llvm::StringRef text) : text(text) {}

  size_t measure() {
    while (at < text.size()) {
      char c = text[at];
      if (c == '"') {
        skipString();
      } else if (text.substr(at).starts_with("//")) {
        at = text.find('\n', at);
      } else if (c == '#' || c == '!') {
        readAlias();
      } else {
        brackets.read(at ? text[at - 1] : ' ', c);
        reach(brackets.depth());
        ++at;
      }
    }
    return deepest;
  }

private:
  void reach(size_t depth) {
    deepest = std::max(deepest, depth);
    definition = std::max(definition, depth);
  }

  void skipString() {
    for (++at; at < text.size() && text[at] != '"' && text[at] != '\n'; ++at)
      if (text[at] == '\\')
        ++at;
    ++at;
  }

  /// `#name = ...` begins a definition, which goes on until the next one begins; `#name` is a use.
  void readAlias() {
    size_t end = text.find_if_not([](char c) { return llvm::isAlnum(c) || c == '_' || c == '$' || c == '.' || c == '-'; }, at + 1);
    llvm::StringRef name = text.slice(at, end);
    at += name.size();
    if (text.substr(at).ltrim().starts_with("=")) {
      if (!defined.empty())
        depths[defined] = definition;
      defined = name;
      definition = 0;
    } else if (auto known = depths.find(name); known != depths.end()) {
      reach(brackets.depth() + known->second + 1);
    }
  }

  llvm::StringRef text;
  size_t at = 0, deepest = 0;
  Brackets brackets;
  llvm::StringMap<size_t> depths; ///< of aliases
  llvm::StringRef defined;        ///< the last alias, and how deep it is so far
  size_t definition = 0;
};

} // namespace

dsrt::Expected<std::unique_ptr<llvm::MemoryBuffer>> readIRFile(const std::string &path) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!file)
    return Status(DSRT_UNREADABLE, "cannot read '" + path + "': " + file.getError().message());
  llvm::StringRef text = (*file)->getBuffer();
  // Bytecode carries text that MLIR parses where nobody has counted its brackets.
  if (mlir::isBytecode((*file)->getMemBufferRef()))
    return Status(DSRT_UNREADABLE, path + ": is MLIR bytecode; expects MLIR as text");
  if (size_t depth = Nesting(text).measure(); depth > maximumNesting)
    return Status(DSRT_UNREADABLE,
                  dsrt::format("%s: brackets and aliases are nested %zu deep, at most %zu are read", path.c_str(), depth, maximumNesting));
  // Their expressions recurse without brackets.
  for (const char *word : {"affine_map", "affine_set"})
    if (text.contains(word))
      return Status(DSRT_UNREADABLE, path + ": holds an " + word + ", which no dialect of a model has; expects none");
  return std::move(*file);
}

dsrt::Expected<mlir::OwningOpRef<mlir::ModuleOp>> parseIRFile(mlir::MLIRContext &context, llvm::SourceMgr &sources, const std::string &path,
                                                              std::string &hash) {
  dsrt::Expected<std::unique_ptr<llvm::MemoryBuffer>> file = readIRFile(path);
  if (!file)
    return file.status();
  llvm::StringRef text = (*file)->getBuffer();
  hash = dsrt::format("%016llx", static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  sources.AddNewSourceBuffer(std::move(*file), llvm::SMLoc());
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceFile<mlir::ModuleOp>(sources, &context);
  if (!module)
    return Status(DSRT_UNREADABLE, "");
  return module;
}

} // namespace dsmlir
