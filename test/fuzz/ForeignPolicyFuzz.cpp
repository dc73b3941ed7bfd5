// Policies of other projects: JSON, TOML (behind "#toml") or words; converted on a small model. What comes out is a precision file.
#include "passes/precision/converters/Conversion.h"
#include "test/fuzz/Fuzz.h"

#include <sstream>

using namespace dsmlir;

namespace {

std::vector<Module> modules() {
  std::vector<Module> list = {{"token_embeddings", "Embedding", false, ""}};
  for (const char *block : {"blocks.0.", "blocks.1."}) {
    for (const char *name : {"attn.q_a_proj", "attn.kv_b_proj", "ffn.router", "ffn.experts.0.gate_proj", "ffn.experts.1.gate_proj"})
      list.push_back({std::string(block) + name, "Linear", true, ""});
    list.push_back({std::string(block) + "attn_norm", "RMSNorm", false, ""});
  }
  list.push_back({"lm_head", "Linear", true, ""});
  return list;
}

std::vector<std::string> split(const std::string &text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

} // namespace

bool accepts(std::string_view input) {
  static const ModuleUniverse universe(modules());
  dsrt::Expected<PolicySource> source = parsePolicySource(std::string(input), input.starts_with("#toml") ? "job.toml" : "policy", split);
  if (!source)
    return false;
  bool accepted = false;
  for (const PolicyFormat &format : policyFormats()) {
    dsrt::Expected<Conversion> conversion = convertPolicy(*source, format, &universe);
    if (!conversion) {
      ENSURE(conversion.status().code() == DSRT_UNREADABLE || conversion.status().code() == DSRT_REJECTED);
      ENSURE(conversion.status().message().find("DS1040") == std::string::npos);
      continue;
    }
    accepted |= format.recognises(*source); // the others are what --from asks for
    conversion->report("policy", "").dump(-1, ' ', false, dsrt::Json::error_handler_t::replace);
    PrecisionOptions options;
    ENSURE(readConfig(conversion->precisionFile, "policy.json", options).ok());
    ENSURE(conversion->verified == universe.modules().size());
    for (const ForeignRule &rule : conversion->foreign.rules)
      ENSURE(rule.outcome == Outcome::Mapped || !rule.reason.empty());
  }
  return accepted;
}
