// ds-compile convert-policy: reads, converts, says what became of each rule, and writes the precision file.
#include "tools/ds-compile/ConvertPolicy.h"

#include "lowering/HuggingFaceToDS/HuggingFaceToDS.h"
#include "passes/precision/ModelModules.h"
#include "passes/precision/converters/Conversion.h"
#include "tools/driver/CommandLine.h"
#include "tools/driver/IRFile.h"

#include "dialects/ds/DS.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/StringSaver.h"

#include <filesystem>

using dsrt::Expected;
using dsrt::Status;

namespace dsmlir {
namespace {

struct ConvertOptions {
  std::string file, output, from, model, report;
  bool allowUnmapped = false;
};

/// The words of a script: comments go, continued lines are one, a quoted group of flags is taken apart, and brackets of arrays are taken
/// off.
std::vector<std::string> splitWords(const std::string &text) {
  llvm::BumpPtrAllocator memory;
  llvm::StringSaver saver(memory);
  llvm::SmallVector<const char *> tokens;
  llvm::cl::tokenizeConfigFile(text, saver, tokens);
  std::vector<std::string> words;
  for (const char *token : tokens) {
    llvm::StringRef word = token;
    llvm::SmallVector<const char *> inner;
    if (word.contains("--") && word.find_first_of(" \t\n") != llvm::StringRef::npos)
      llvm::cl::tokenizeConfigFile(word, saver, inner);
    else
      inner.push_back(token);
    for (const char *part : inner) {
      // NAME=(--flag ... value)
      llvm::StringRef bare = llvm::StringRef(part).rtrim(")");
      size_t flag = bare.find("(--");
      bare = flag == llvm::StringRef::npos ? bare.ltrim("(") : bare.substr(flag + 1);
      // NAME="--flag ..."
      if (size_t assigned = bare.find("=--"); assigned != llvm::StringRef::npos && !bare.starts_with("-"))
        bare = bare.substr(assigned + 1);
      if (!bare.empty())
        words.push_back(bare.str());
    }
  }
  return words;
}

/// The modules of a folder, a config.json or an .mlir file.
Expected<ModuleUniverse> modulesOf(const std::string &path) {
  mlir::MLIRContext context;
  context.disableMultithreading();
  context.printOpOnDiagnostic(false);
  context.loadDialect<mlir::ds::DSDialect>();
  llvm::SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler diagnostics(sources, &context, llvm::errs());
  mlir::OwningOpRef<mlir::ModuleOp> module;
  if (std::filesystem::path(path).extension() == ".mlir") {
    std::string hash;
    Expected<mlir::OwningOpRef<mlir::ModuleOp>> parsed = parseIRFile(context, sources, path, hash);
    if (!parsed)
      return parsed.status();
    module = std::move(*parsed);
  } else {
    // How the checkpoint is quantised is what is converted: the importer, which takes DeepSeek's way alone, must not see it.
    std::string file = std::filesystem::is_directory(path) ? path + "/config.json" : path;
    Expected<dsrt::Json> json = dsrt::readJson(file);
    if (!json)
      return json.status();
    if (json->is_object())
      json->erase("quantization_config");
    std::vector<std::string> warnings; // said when the model is compiled
    Expected<ModelConfig> config = ModelConfig::parse(*json, file, warnings);
    if (!config)
      return config.status();
    std::vector<ModelParameter> parameters = modelParameters(*config);
    module = importHuggingFace(context, *config, parameters, storageFromConfig(*config, parameters));
  }
  auto models = module->getOps<mlir::ds::ModelOp>();
  if (std::distance(models.begin(), models.end()) != 1)
    return Status(DSRT_REJECTED, path + ": expects one ds.model");
  mlir::FailureOr<ModelModules> collected = ModelModules::collect(*models.begin());
  if (mlir::failed(collected))
    return Status(DSRT_REJECTED, "");
  return ModuleUniverse(std::move(collected->modules));
}

/// At most so many rules of a kind are printed one by one.
constexpr size_t mostPrinted = 20;

void printRules(const Conversion &conversion, Outcome outcome, const char *label) {
  size_t count = 0;
  for (const ForeignRule &rule : conversion.foreign.rules) {
    if (rule.outcome != outcome || ++count > mostPrinted)
      continue;
    fprintf(stderr, "%s%s%s: %s%s\n", label, rule.where.c_str(), rule.text.empty() ? "" : (" " + rule.text).c_str(), rule.reason.c_str(),
            rule.instead.empty() ? "" : ("; instead: " + rule.instead).c_str());
  }
  if (count > mostPrinted)
    fprintf(stderr, "%s%zu more; --report lists all\n", label, count - mostPrinted);
}

Status convert(const ConvertOptions &options) {
  Expected<PolicySource> source = readPolicySource(options.file, splitWords);
  if (!source)
    return source.status();
  Expected<const PolicyFormat *> format = formatOf(*source, options.from);
  if (!format)
    return format.status();
  std::optional<ModuleUniverse> model;
  if (!options.model.empty()) {
    Expected<ModuleUniverse> modules = modulesOf(options.model);
    if (!modules)
      return modules.status();
    model = std::move(*modules);
  }
  Expected<Conversion> conversion = convertPolicy(*source, **format, model ? &*model : nullptr);
  if (!conversion)
    return conversion.status();

  size_t unmapped = conversion->count(Outcome::NotMapped);
  std::string code = "[" + codeName(Code::RuleNotMapped) + "] not mapped: ";
  printRules(*conversion, Outcome::NotMapped, ((options.allowUnmapped ? "warning: " : "error: ") + code).c_str());
  printRules(*conversion, Outcome::Remarked, "note: ");
  for (const std::string &note : conversion->foreign.notes)
    fprintf(stderr, "note: %s\n", note.c_str());
  for (const Finding &warning : conversion->warnings)
    fputs(print(warning).c_str(), stderr);
  if (!options.report.empty())
    if (Status status = dsrt::writeFile(options.report, conversion->report(options.file, options.model).dump(2) + "\n"); !status.ok())
      return status;
  if (unmapped && !options.allowUnmapped) {
    fprintf(stderr, "note: nothing is written; --allow-unmapped accepts what is done instead\n");
    return Status(DSRT_REJECTED, "");
  }
  if (Status status = dsrt::writeFile(options.output, conversion->precisionFile.dump(2) + "\n"); !status.ok())
    return status;
  fprintf(stderr, "%s: %zu rules mapped, %zu with a remark, %zu not mapped; compared on %zu modules%s\nwrote %s\n", (*format)->name,
          conversion->count(Outcome::Mapped), conversion->count(Outcome::Remarked), unmapped, conversion->verified,
          model ? "" : ", all that a model may have", options.output.c_str());
  return Status();
}

} // namespace

int convertPolicyCommand(int argc, const char *const *argv) {
  CommandLine line("ds-compile convert-policy",
                   "Writes a precision file for --precision-config from the precision policy of another project:\n"
                   "compressed-tensors, ModelOpt, torchao, DeepSeek's FP8 config, torchtitan, Megatron.");
  ConvertOptions options;
  CLI::App &app = line.app();
  app.get_formatter()->column_width(34);
  app.add_option("file", options.file, "a config.json, hf_quant_config.json, job config (.toml), script or JSON of arguments")
      ->required()
      ->type_name("FILE");
  app.add_option("-o,--output", options.output, "the precision file")->required()->type_name("POLICY.json");
  app.add_option("--from", options.from, "the format (default: what the file looks like)")
      ->type_name("compressed-tensors|modelopt|torchao|deepseek-fp8|torchtitan|megatron");
  app.add_option("--model", options.model,
                 "a Hugging Face folder, config.json or .mlir file: patterns are made for its modules, and compared on them")
      ->type_name("MODEL");
  app.add_option("--report", options.report, "writes what became of every rule, as JSON")->type_name("FILE");
  app.add_flag("--allow-unmapped", options.allowUnmapped, "rules without a counterpart are warnings, and what is done instead is accepted");
  if (std::optional<int> code = line.parse(argc - 1, argv + 1))
    return *code;
  Status status = convert(options);
  if (status.ok())
    return DSRT_OK;
  return status.message().empty() ? int(status.code()) : reportError(status);
}

} // namespace dsmlir
