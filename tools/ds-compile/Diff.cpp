// diffCommand: two sides, each a plan (--plan-out, or the one in an artifact) or a policy (a precision file, or that of an .mlir file).
// Policies are compared as they stand, or, with --model, by what they decide on a model.
#include "tools/ds-compile/Diff.h"

#include "passes/precision/Passes.h"
#include "passes/precision/Plan.h"
#include "passes/precision/PlanDiff.h"
#include "runtime/launcher/Elf.h"
#include "runtime/launcher/Manifest.h"
#include "tools/driver/CommandLine.h"
#include "tools/ds-compile/Model.h"
#include "tools/ds-compile/ReadCheckpoint.h"

#include "llvm/Support/raw_ostream.h"

#include <filesystem>
#include <fstream>
#include <memory>

using namespace mlir;
using ::dsrt::Expected;
using ::dsrt::Json;
using ::dsrt::Status;

namespace dsmlir {
namespace {

struct Side {
  std::string path;
  std::optional<Json> plan; ///< otherwise a policy
  PrecisionOptions policy;
};

/// A model with the text that its diagnostics point into.
struct OpenModel {
  explicit OpenModel(MLIRContext &context) : diagnostics(sources, &context, llvm::errs()) {}

  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics;
  LoadedModel loaded;
};

class Comparison {
public:
  explicit Comparison(std::string modelPath) : modelPath(std::move(modelPath)) { prepareContext(context); }

  /// 0 or 1 where the two could be compared.
  Expected<int> run(const std::string &pathA, const std::string &pathB, bool json) {
    Expected<Side> a = read(pathA), b = a ? read(pathB) : a;
    if (!b)
      return b.status();
    if (a->plan && b->plan && !modelPath.empty())
      return Status(DSRT_USAGE, "--model has nothing to act on: " + pathA + " and " + pathB + " are plans already");
    if (a->plan.has_value() != b->plan.has_value() && modelPath.empty())
      return Status(DSRT_USAGE, (a->plan ? pathA : pathB) + " is a plan and " + (a->plan ? pathB : pathA) +
                                    " a policy: give --model MODEL, which the policy is resolved on");
    Expected<PlanView> viewA = view(*a), viewB = viewA ? view(*b) : viewA;
    if (!viewB)
      return viewB.status();
    PlanDifference difference = comparePlans(*viewA, *viewB);
    std::string text = json ? differenceJson(difference).dump(1) + "\n" : printDifference(difference, pathA, pathB);
    if (Status status = printResult(text); !status.ok())
      return status;
    return difference.empty() ? 0 : 1;
  }

private:
  Expected<std::unique_ptr<OpenModel>> open(const std::string &path) {
    auto opened = std::make_unique<OpenModel>(context);
    Expected<LoadedModel> loaded = loadModel(context, opened->sources, path, {});
    if (!loaded)
      return loaded.status();
    opened->loaded = std::move(*loaded);
    return opened;
  }

  Expected<Side> read(const std::string &path) {
    Side side{path, std::nullopt, {}};
    char magic[4] = {};
    std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
    if (std::string_view(magic, sizeof magic) == "\x7f"
                                                 "ELF") {
      Expected<std::string> text = ::dsrt::readElfSection(path, ::dsrt::manifestSection, uint64_t(1) << 28);
      if (!text)
        return text.status();
      text->resize(text->find_last_not_of('\0') + 1); // linkers may pad a section with zeros
      Expected<::dsrt::Manifest> manifest = ::dsrt::Manifest::parse(*text, path);
      if (!manifest)
        return manifest.status();
      side.plan = std::move(manifest->plan);
      return side;
    }
    if (std::filesystem::path(path).extension() == ".mlir") {
      Expected<std::unique_ptr<OpenModel>> opened = open(path);
      if (!opened)
        return opened.status();
      readPolicy((*opened)->loaded.model(), side.policy);
      return side;
    }
    Expected<Json> json = ::dsrt::readJson(path);
    if (!json)
      return json.status();
    if (isPlan(*json)) {
      side.plan = std::move(*json);
      return side;
    }
    // What options refuse is reported with all other findings of the policy.
    if (Status status = readConfig(*json, path, side.policy); !status.ok() && side.policy.refused.empty())
      return status;
    return side;
  }

  Expected<PlanView> view(const Side &side) {
    if (side.plan)
      return viewPlan(*side.plan, side.path);
    if (modelPath.empty()) {
      bool sound = true;
      for (const Finding &finding : validate(side.policy)) {
        llvm::errs() << side.path << ": " << print(finding);
        sound &= !finding.isError();
      }
      if (!sound)
        return Status(DSRT_REJECTED, "");
      PlanView view;
      view.options = optionFacts(optionsJson(side.policy));
      return view;
    }
    if (!model) {
      Expected<std::unique_ptr<OpenModel>> opened = open(modelPath);
      if (!opened)
        return opened.status();
      model = std::move(*opened);
      model->loaded.model().removePolicyAttr(); // the sides' policies are compared, not what the model's adds to them
    }
    LoadedModel &loaded = model->loaded;
    if (side.policy.recipe.value == autoRecipe && !loaded.checkpoint)
      if (Expected<Checkpoint> stored = readCheckpoint(modelPath))
        loaded.checkpoint = std::move(*stored);
    FailureOr<Resolution> resolution = resolvePrecision(loaded.model(), side.policy, loaded.checkpoint ? &*loaded.checkpoint : nullptr);
    if (failed(resolution)) {
      llvm::errs() << "note: this is of " << side.path << "\n";
      return Status(DSRT_REJECTED, "");
    }
    return viewPlan(planJson(loaded.model(), *resolution), side.path);
  }

  MLIRContext context;
  std::string modelPath;
  std::unique_ptr<OpenModel> model; ///< that of --model, opened when it is needed
};

} // namespace

int diffCommand(int argc, const char *const *argv) {
  CommandLine line("ds-compile diff",
                   "Compares two plans, artifacts or policies: what is decided otherwise, and by which rule. Ends with 0 where\n"
                   "nothing is, with 1 where something is.");
  std::string a, b, model;
  bool json = false;
  const char *kinds = "a plan (--plan-out), an artifact, a precision file, or an .mlir file with a policy";
  line.app().add_option("A", a, kinds)->required()->type_name("FILE");
  line.app().add_option("B", b, "the other")->required()->type_name("FILE");
  line.app().add_option("--model", model, "resolves policies on this model and compares their plans")->type_name("MODEL");
  line.app().add_flag("--json", json, "prints JSON");
  if (std::optional<int> code = line.parse(argc, argv))
    return *code;
  Expected<int> code = Comparison(model).run(a, b, json);
  if (code)
    return *code;
  Status status = code.status();
  return status.message().empty() ? int(status.code()) : reportError(status);
}

} // namespace dsmlir
