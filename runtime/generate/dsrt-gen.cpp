// dsrt-gen: reads the one table of runtime operations (runtime/include/dsrt/dsrt_ops.def) and writes what must agree with it:
//
//   dsrt_abi.h               the hash of the C interface
//   dsrt_calls.h             the C declarations that artifacts call
//   dsrt_op_names.inc        an enumerator each
//   dsrt_backend_slots.inc   the slots of the backend table
//   dsrt_stubs.inc           the runtime's functions, from a call to a slot
//   DSRTCalls.td             the operations of the dsrt dialect
//   DSRTSignatures.inc       the table as data, for the dialect's verifier and for the lowering to calls
//   runtime-operations.md    the reference page
//
// Usage: dsrt-gen WHICH OUTPUT
#include "../include/dsrt/dsrt.h"

#include <xxhash.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Row {
  const char *name, *summary, *operands;
};

const Row rows[] = {
#define DSRT_OP(name, summary, ...) {#name, summary, #__VA_ARGS__},
#include "../include/dsrt/dsrt_ops.def"
#undef DSRT_OP
};

/// One operand of a row: `OUT(y, T, tokens, hidden)`.
struct Operand {
  std::string role; ///< OUT, IN, SCRATCH, WEIGHT, OPTIONAL_WEIGHT, BATCH, CACHE_IN, CACHE_OUT, ATTR
  std::string name;
  std::string type; ///< f32, i32, a letter; of ATTR its kind
  std::vector<std::string> dims;

  bool isBuffer() const { return role == "OUT" || role == "IN" || role == "SCRATCH"; }
  bool isWeight() const { return role == "WEIGHT" || role == "OPTIONAL_WEIGHT"; }
  bool isCache() const { return role == "CACHE_IN" || role == "CACHE_OUT"; }
};

struct Operation {
  std::string name, summary;
  std::vector<Operand> operands;
  std::vector<std::string> dims;    ///< passed extents, in order of first appearance
  std::vector<std::string> letters; ///< passed element types, in order of first appearance on a buffer
};

[[noreturn]] void fail(const std::string &message) {
  std::cerr << "dsrt-gen: " << message << "\n";
  exit(1);
}

std::vector<std::string> split(const std::string &text) {
  std::vector<std::string> words;
  std::stringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) {
    size_t begin = word.find_first_not_of(" \t\n"), end = word.find_last_not_of(" \t\n");
    words.push_back(begin == std::string::npos ? "" : word.substr(begin, end - begin + 1));
  }
  return words;
}

void addOnce(std::vector<std::string> &list, const std::string &word) {
  for (const std::string &known : list)
    if (known == word)
      return;
  list.push_back(word);
}

Operation parse(const Row &row) {
  Operation operation{row.name, row.summary, {}, {}, {}};
  std::string text = row.operands;
  for (size_t at = 0; at < text.size();) {
    size_t open = text.find('(', at);
    if (open == std::string::npos)
      break;
    size_t close = text.find(')', open);
    if (close == std::string::npos)
      fail(operation.name + ": expects ')' in " + text);
    std::string role = split(text.substr(at, open - at)).back();
    std::vector<std::string> words = split(text.substr(open + 1, close - open - 1));
    Operand operand{role, "", "", {}};
    if (role == "ATTR") {
      if (words.size() != 2)
        fail(operation.name + ": ATTR expects (kind, name)");
      operand.type = words[0], operand.name = words[1];
    } else if (role == "BATCH" || operand.isCache()) {
      operand.name = words[0];
    } else if (role == "SCRATCH") {
      operand.name = words[0], operand.type = "i8", operand.dims = {words[1]};
    } else if (role == "OUT" || role == "IN" || operand.isWeight()) {
      operand.name = words[0], operand.type = words[1];
      operand.dims.assign(words.begin() + 2, words.end());
    } else {
      fail(operation.name + ": unknown operand kind '" + role + "'");
    }
    for (const std::string &dim : operand.dims)
      addOnce(operation.dims, dim);
    if (operand.isBuffer() && operand.type.size() == 1 && isupper(operand.type[0]))
      addOnce(operation.letters, operand.type);
    operation.operands.push_back(operand);
    at = close + 1;
    while (at < text.size() && (text[at] == ',' || isspace(text[at])))
      ++at;
  }
  return operation;
}

std::string join(const std::vector<std::string> &words, const char *separator = ", ") {
  std::string text;
  for (const std::string &word : words)
    text += (text.empty() ? "" : separator) + word;
  return text;
}

/// C parameters and the arguments that forward them.
void signature(const Operation &operation, std::vector<std::string> &parameters, std::vector<std::string> &arguments) {
  auto add = [&](const std::string &type, const std::string &name) {
    parameters.push_back(type + (type.back() == '*' ? "" : " ") + name);
    arguments.push_back(name);
  };
  for (const Operand &operand : operation.operands) {
    if (operand.role == "OUT")
      add(operand.type == "f32" ? "float *" : operand.type == "i32" ? "int32_t *" : "void *", operand.name);
    else if (operand.role == "IN")
      add(operand.type == "f32" ? "const float *" : operand.type == "i32" ? "const int32_t *" : "const void *", operand.name);
    else if (operand.role == "SCRATCH")
      add("void *", operand.name);
    else if (operand.isWeight())
      add("const dsrt_weight *", operand.name);
    else if (operand.role == "BATCH")
      add("const dsrt_batch *", operand.name);
    else if (operand.isCache())
      add("dsrt_cache *", operand.name);
  }
  for (const std::string &dim : operation.dims)
    add("int64_t", dim);
  for (const std::string &letter : operation.letters)
    add("int32_t", "type_" + letter);
  for (const Operand &operand : operation.operands) {
    if (operand.role != "ATTR")
      continue;
    if (operand.type == "i64")
      add("int64_t", operand.name);
    else if (operand.type == "f32")
      add("float", operand.name);
    else if (operand.type == "quant" || operand.type == "optional_quant")
      add("const dsrt_quant *", operand.name);
    else if (operand.type == "floats")
      add("const float *", operand.name), add("int64_t", operand.name + "_count");
    else
      fail(operation.name + ": unknown attribute kind '" + operand.type + "'");
  }
}

std::string declaration(const Operation &operation, const std::string &name) {
  std::vector<std::string> parameters, arguments;
  signature(operation, parameters, arguments);
  return "int32_t " + name + "(dsrt_context *context, int32_t site, " + join(parameters) + ")";
}

std::string camel(const std::string &name) {
  std::string text;
  bool upper = true;
  for (char c : name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    text += upper ? char(toupper(c)) : c;
    upper = false;
  }
  return text;
}

std::string describe(const Operand &operand) {
  std::string text = operand.name;
  if (operand.role == "ATTR")
    return text + ": " + operand.type;
  if (!operand.dims.empty())
    text += " [" + join(operand.dims) + "]";
  if (!operand.type.empty())
    text += " " + operand.type;
  return text;
}

void writeStubs(std::ostream &out, const std::vector<Operation> &operations) {
  for (const Operation &operation : operations) {
    std::vector<std::string> parameters, arguments;
    signature(operation, parameters, arguments);
    // The results, for --check-finite: elements and element type. Grouped products write the rows of their experts alone.
    bool grouped = false;
    for (const Operand &operand : operation.operands)
      grouped |= operand.role == "ATTR" && operand.name == "first";
    std::vector<std::string> results;
    for (const Operand &operand : operation.operands) {
      if (operand.role != "OUT")
        continue;
      std::string type = operand.type == "f32" ? "DSRT_F32" : operand.type == "i32" ? "DSRT_I32" : "type_" + operand.type;
      results.push_back(grouped ? "writtenByExperts(context, " + operand.name + ", " + operand.dims.back() + ", " + type +
                                      ", offsets, first, experts)"
                                : "{" + operand.name + ", " + join(operand.dims, " * ") + ", " + type + "}");
    }
    out << declaration(operation, "dsrt_" + operation.name) << " {\n"
        << "  if (int32_t refused = dsrt::beforeCall(context, site))\n    return refused;\n"
        << "  int32_t code = context->backend->" << operation.name << "(context, site, " << join(arguments) << ");\n"
        << "  return dsrt::afterCall(context, site, code, {" << join(results) << "});\n}\n\n";
  }
}

void writeTableGen(std::ostream &out, const std::vector<Operation> &operations) {
  out << "// Generated from runtime/include/dsrt/dsrt_ops.def by dsrt-gen: one operation a call of the runtime.\n\n";
  for (const Operation &operation : operations) {
    std::vector<std::string> arguments, assembly, types;
    for (const Operand &operand : operation.operands) {
      std::string variable = "$" + operand.name;
      if (operand.isBuffer())
        arguments.push_back("DSRT_Buffer:" + variable), assembly.push_back(variable), types.push_back("type(" + variable + ")");
      else if (operand.role == "WEIGHT")
        arguments.push_back("FlatSymbolRefAttr:" + variable), assembly.push_back(variable);
      else if (operand.role == "BATCH")
        arguments.push_back("DSRT_Batch:" + variable), assembly.push_back(variable);
      else if (operand.isCache())
        arguments.push_back("DSRT_Cache:" + variable), assembly.push_back(variable), types.push_back("type(" + variable + ")");
    }
    std::string optional;
    for (const Operand &operand : operation.operands)
      if (operand.role == "OPTIONAL_WEIGHT") {
        arguments.push_back("OptionalAttr<FlatSymbolRefAttr>:$" + operand.name);
        optional += " (`" + operand.name + "` $" + operand.name + "^)?";
      }
    for (const Operand &operand : operation.operands) {
      if (operand.role != "ATTR")
        continue;
      std::string kind = operand.type == "i64"              ? "I64Attr"
                         : operand.type == "f32"            ? "F32Attr"
                         : operand.type == "quant"          ? "DS_QuantAttr"
                         : operand.type == "optional_quant" ? "OptionalAttr<DS_QuantAttr>"
                                                            : "DenseF32ArrayAttr";
      arguments.push_back(kind + ":$" + operand.name);
    }
    arguments.push_back("StrAttr:$path");
    out << "def DSRT_" << camel(operation.name) << "Op : DSRT_Call<\"" << operation.name << "\"> {\n"
        << "  let summary = \"" << operation.summary << "\";\n  let description = [{\n";
    for (const Operand &operand : operation.operands)
      out << "    - " << operand.role << " " << describe(operand) << "\n";
    out << "  }];\n  let arguments = (ins " << join(arguments) << ");\n"
        << "  let assemblyFormat = [{ " << join(assembly, " `,` ") << optional << " `module` `(` $path `)` attr-dict `:` "
        << join(types, " `,` ") << " }];\n}\n\n";
  }
}

void writeSignatures(std::ostream &out, const std::vector<Operation> &operations) {
  out << "// Generated from runtime/include/dsrt/dsrt_ops.def by dsrt-gen: the table as data.\n";
  for (const Operation &operation : operations) {
    out << "{\"" << operation.name << "\", {";
    for (const Operand &operand : operation.operands) {
      out << "{Role::"
          << camel(operand.role == "ATTR"              ? "attribute"
                   : operand.role == "OUT"             ? "out"
                   : operand.role == "IN"              ? "in"
                   : operand.role == "SCRATCH"         ? "scratch"
                   : operand.role == "WEIGHT"          ? "weight"
                   : operand.role == "OPTIONAL_WEIGHT" ? "optional_weight"
                   : operand.role == "BATCH"           ? "batch"
                   : operand.role == "CACHE_IN"        ? "cache_in"
                                                       : "cache_out")
          << ", \"" << operand.name << "\", \"" << operand.type << "\", {";
      for (const std::string &dim : operand.dims)
        out << "\"" << dim << "\", ";
      out << "}}, ";
    }
    out << "}, {";
    for (const std::string &dim : operation.dims)
      out << "\"" << dim << "\", ";
    out << "}, {";
    for (const std::string &letter : operation.letters)
      out << "\"" << letter << "\", ";
    out << "}},\n";
  }
}

void writePage(std::ostream &out, const std::vector<Operation> &operations) {
  out << "# Runtime operations\n\nGenerated from `runtime/include/dsrt/dsrt_ops.def`. Each is a function of the C interface, a slot of the "
         "backend table and an operation of the `dsrt` dialect.\n";
  for (const Operation &operation : operations) {
    out << "\n## " << operation.name << "\n\n" << operation.summary << "\n\n| operand | |\n|---|---|\n";
    for (const Operand &operand : operation.operands)
      out << "| " << operand.role << " | `" << describe(operand) << "` |\n";
    out << "\n```c\n" << declaration(operation, "dsrt_" + operation.name) << ";\n```\n";
  }
}

/// Everything an artifact depends on: the version of the structs and each declaration.
std::string abiHash(const std::vector<Operation> &operations) {
  std::string text;
  for (const Operation &operation : operations)
    text += declaration(operation, operation.name) + ";\n";
#define DSRT_QUOTE(x) #x
#define DSRT_TEXT(x) DSRT_QUOTE(x)
  text += "structs " DSRT_TEXT(DSRT_ABI_VERSION);
  char digits[17];
  snprintf(digits, sizeof digits, "%016llx", (unsigned long long)XXH3_64bits(text.data(), text.size()));
  return digits;
}

} // namespace

int main(int count, char **words) {
  if (count != 3)
    fail("expects WHICH and OUTPUT");
  std::vector<Operation> operations;
  for (const Row &row : rows)
    operations.push_back(parse(row));
  std::string which = words[1];
  std::ostringstream out;
  if (which == "dsrt_abi.h") {
    out << "/* Generated by dsrt-gen. */\n#define DSRT_ABI_HASH \"" << abiHash(operations) << "\"\n";
  } else if (which == "dsrt_calls.h") {
    out << "/* Generated by dsrt-gen: the functions that an artifact calls. */\n#ifndef DSRT_CALLS_H\n#define DSRT_CALLS_H\n"
           "#include \"dsrt/dsrt.h\"\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
    for (const Operation &operation : operations)
      out << "/* " << operation.summary << " */\n" << declaration(operation, "dsrt_" + operation.name) << ";\n\n";
    out << "#ifdef __cplusplus\n}\n#endif\n#endif\n";
  } else if (which == "dsrt_op_names.inc") {
    for (const Operation &operation : operations)
      out << "DSRT_OP_" << operation.name << ",\n";
  } else if (which == "dsrt_backend_slots.inc") {
    for (const Operation &operation : operations)
      out << declaration(operation, "(*" + operation.name + ")") << ";\n";
  } else if (which == "dsrt_stubs.inc") {
    writeStubs(out, operations);
  } else if (which == "DSRTCalls.td") {
    writeTableGen(out, operations);
  } else if (which == "DSRTSignatures.inc") {
    writeSignatures(out, operations);
  } else if (which == "runtime-operations.md") {
    writePage(out, operations);
  } else {
    fail("unknown output '" + which + "'");
  }
  std::ofstream file(words[2], std::ios::binary);
  file << out.str();
  if (!file.flush())
    fail(std::string("cannot write ") + words[2]);
}
