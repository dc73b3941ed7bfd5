// readIRFile, parseIRFile.
#include "tools/driver/IRFile.h"

#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Parser/Parser.h"

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

/// How deep brackets are nested, strings and comments aside.
size_t nesting(llvm::StringRef text) {
  Brackets brackets;
  size_t deepest = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"' && text[i] != '\n'; ++i)
        if (text[i] == '\\')
          ++i;
    } else if (text.substr(i).starts_with("//")) {
      i = text.find('\n', i);
      if (i == llvm::StringRef::npos)
        break;
    } else {
      brackets.read(i ? text[i - 1] : ' ', c);
      deepest = std::max(deepest, brackets.depth());
    }
  }
  return deepest;
}

} // namespace

dsrt::Expected<std::unique_ptr<llvm::MemoryBuffer>> readIRFile(const std::string &path) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!file)
    return Status(DSRT_UNREADABLE, "cannot read '" + path + "': " + file.getError().message());
  llvm::StringRef text = (*file)->getBuffer();
  // Bytecode carries text that MLIR parses where nobody has counted its brackets.
  if (mlir::isBytecode((*file)->getMemBufferRef()))
    return Status(DSRT_UNREADABLE, path + ": is MLIR bytecode; expects MLIR as text");
  if (size_t depth = nesting(text); depth > maximumNesting)
    return Status(DSRT_UNREADABLE,
                  dsrt::format("%s: brackets are nested %zu deep, at most %zu are read", path.c_str(), depth, maximumNesting));
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
