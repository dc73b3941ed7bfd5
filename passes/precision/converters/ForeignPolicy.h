// A precision policy that another project wrote, read: its rules one by one, what they select, and the formats that they ask for. A
// format is one file beside this one; Conversion.h makes a policy of ours from what it read.
#pragma once

#include "passes/precision/converters/ForeignModules.h"
#include "passes/precision/converters/ModuleMatcher.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmlir {

/// What became of a rule.
enum class Outcome : uint8_t {
  Mapped,   ///< means the same here, or says nothing about precision
  Remarked, ///< means the same here, and there is something to know; or it has no effect on this model
  NotMapped ///< has no counterpart: numbers differ
};

/// One statement of a foreign policy: a key with its value, an element of a list, a flag.
struct ForeignRule {
  std::string where; ///< "config_groups.group_0.targets[1]", "--fp8-recipe"
  std::string text;  ///< the value, as it stands in the file, cut where it is long
  Outcome outcome = Outcome::Mapped;
  std::vector<std::string> becomes; ///< of our policy: "fp8_weight_granularity = channel"
  std::string reason;               ///< the remark, or why it cannot be mapped
  std::string instead;              ///< what the converted policy does where it is not mapped
};

/// What the modules of a selection compute in, and are stored as.
struct Scheme {
  Precision compute = Precision::None;                  ///< FP8, FP4, or None: the activation dtype
  Precision stored = Precision::None;                   ///< FP8, or None: the params dtype
  std::string activationGranularity, weightGranularity; ///< of FP8 compute, as the options have them
  std::string scaleFormat = "fp32";                     ///< of FP8 compute
  std::string fp4Format;                                ///< nvfp4 | mxfp4
  std::string storedGranularity;                        ///< per_channel | per_tensor

  bool operator==(const Scheme &) const = default;
};

/// A rule that gives modules a scheme, or takes them out of low precision.
struct Selector {
  size_t rule;
  ModuleMatcher matcher;
  size_t scheme = 0;     ///< index into ForeignPolicy::schemes; of no concern in takesOut
  std::string onlyClass; ///< acts on modules of this class alone; empty: on all
};

struct ForeignPolicy {
  const char *format = "";
  Naming naming = Naming::HuggingFace;
  std::vector<ForeignRule> rules;
  std::vector<Scheme> schemes;
  std::vector<Selector> gives;    ///< the first that matches decides
  std::vector<Selector> takesOut; ///< any that matches takes the module out, whatever gives it a scheme
  std::vector<std::string> notes; ///< defaults of the format that count although the file does not state them

  std::vector<std::vector<size_t>> definedBy; ///< of each scheme the rules that describe it

  /// Adds a rule, as mapped.
  size_t rule(std::string where, std::string text);
  /// The index of a scheme, with one more set of rules that describe it.
  size_t scheme(const Scheme &scheme, const std::vector<size_t> &rules);
  /// A rule of which there is nothing to map, and nothing to tell: why.
  void silent(size_t rule, std::string reason);
  void remark(size_t rule, std::string reason);
  void notMapped(size_t rule, std::string reason, std::string instead);
  /// An option of ours that a rule sets, as in the precision file.
  void set(size_t rule, std::string key, std::string value);
  struct Setting {
    size_t rule;
    std::string key, value;
  };
  std::vector<Setting> settings;
};

/// A file, read but not understood. Exactly one of the two is there.
struct PolicySource {
  std::string name;                   ///< the path, for messages
  std::optional<dsrt::Json> document; ///< JSON, or TOML in JSON's terms
  std::vector<std::string> words;     ///< of a command line or shell script
};

/// What a reader may know of the model.
struct ReaderContext {
  std::optional<int64_t> layers; ///< of --model
};

struct PolicyFormat {
  const char *name;      ///< as --from takes it
  const char *lookedFor; ///< what makes a file one of these
  bool (*recognises)(const PolicySource &);
  /// DSRT_UNREADABLE for what is malformed, with the place; everything else becomes a rule.
  dsrt::Status (*read)(const PolicySource &, const ReaderContext &, ForeignPolicy &);
};

/// In the order in which they are tried.
const std::vector<PolicyFormat> &policyFormats();

extern const PolicyFormat compressedTensorsFormat, modelOptFormat, torchAOFormat, torchTitanFormat, megatronFormat, deepseekFP8Format;

/// The format of --from, or the one that recognises the source. DSRT_USAGE for an unknown name, and where none or several recognise it,
/// with what was looked for.
dsrt::Expected<const PolicyFormat *> formatOf(const PolicySource &source, std::string_view from);

/// Reads a file of at most 16 MiB as JSON, TOML (*.toml) or, through `split`, words. DSRT_UNREADABLE where it is malformed.
/// \param split  the words of a shell script, comments and continued lines resolved
dsrt::Expected<PolicySource> readPolicySource(const std::string &path, std::vector<std::string> (*split)(const std::string &));
/// The same from text; `name` ends in .toml where it is TOML.
dsrt::Expected<PolicySource> parsePolicySource(const std::string &text, const std::string &name,
                                               std::vector<std::string> (*split)(const std::string &));

// For the readers.

/// "config.json: quantization_config.ignore expects an array of strings, but got 3", DSRT_UNREADABLE.
dsrt::Status malformed(const PolicySource &source, const std::string &where, const std::string &expectation, const dsrt::Json &got);
/// A member of an object; null where it has none, and of what is no object.
const dsrt::Json &member(const dsrt::Json &object, const std::string &key);
/// A value as a rule shows it.
std::string ruleText(const dsrt::Json &value);
/// The object under `quantization_config`, or the document itself where it has a `quant_method`; null: neither.
const dsrt::Json *quantizationConfig(const PolicySource &source);
/// `torch_dtype` or `dtype` of a config.json: what is not quantised computes in it.
dsrt::Status readModelDtype(const PolicySource &source, ForeignPolicy &policy);

} // namespace dsmlir
