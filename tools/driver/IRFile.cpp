// readIRFile, parseIRFile.
#include "tools/driver/IRFile.h"

#include "mlir/Parser/Parser.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

using dsrt::Status;

namespace dsmlir {
namespace {

/// How deep brackets are nested, strings and comments aside.
int nesting(llvm::StringRef text) {
  int depth = 0, deepest = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"' && text[i] != '\n'; ++i)
        if (text[i] == '\\')
          ++i;
    } else if (c == '/' && i + 1 < text.size() && text[i + 1] == '/') {
      while (i < text.size() && text[i] != '\n')
        ++i;
    } else if (c == '(' || c == '[' || c == '{' || c == '<') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ')' || c == ']' || c == '}' || (c == '>' && (i == 0 || text[i - 1] != '-'))) {
      depth = std::max(0, depth - 1);
    }
  }
  return deepest;
}

} // namespace

dsrt::Expected<std::unique_ptr<llvm::MemoryBuffer>> readIRFile(const std::string &path) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!file)
    return Status(DSRT_UNREADABLE, "cannot read '" + path + "': " + file.getError().message());
  if (int depth = nesting((*file)->getBuffer()); depth > maximumNesting)
    return Status(DSRT_UNREADABLE,
                  dsrt::format("%s: brackets are nested %d deep, at most %d are read", path.c_str(), depth, maximumNesting));
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
