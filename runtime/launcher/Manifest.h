// What an artifact says of itself: JSON in the ELF section ".dsmlir.manifest" of the shared object. The compiler writes it,
// the runtime reads and checks it; this is the one definition of both.
#pragma once

#include "dsrt/dsrt.h"
#include "runtime/support/Json.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dsrt {

inline constexpr const char *manifestSection = ".dsmlir.manifest";
inline constexpr int manifestVersion = 1;

/// A parameter: what the checkpoint holds, the formats it goes through, and what is resident.
struct ManifestParameter {
  std::string path;           ///< ours: "blocks.0.attn.q_a_proj.weight"
  std::string tensor;         ///< the checkpoint's, with "{e}" where experts are stacked
  std::string scales;         ///< the checkpoint's name of the scales ("{e}" likewise), empty where not quantised
  std::vector<int64_t> shape; ///< [n], [rows, cols] or [experts, rows, cols]
  int64_t firstExpert = 0;    ///< the expert that shape[0] starts with
  dsrt_quant stored = {};     ///< scale == DSRT_NONE: a plain dtype
  /// Formats that the value is rounded to, in order, each from the F32 value of the one before; the last is resident. Empty:
  /// what is stored is resident as it is.
  std::vector<dsrt_quant> through;
  int32_t use = 0; ///< dsrt_weight_use, or-ed

  const dsrt_quant &resident() const { return through.empty() ? stored : through.back(); }
};

/// One call of the runtime, for messages and traces: `site` of the C interface is the index.
struct ManifestSite {
  std::string operation; ///< "rms_norm"
  std::string path;      ///< "blocks.0.attn_norm"
};

struct ManifestProgram {
  std::string entry; ///< symbol: "dsrt_prefill", "dsrt_decode"
  uint64_t arenaBytes = 0;
  uint64_t logitsOffset = 0; ///< F32 [wanted, vocabulary] in the arena, after the call
};

struct Manifest {
  int version = manifestVersion;
  std::string abi;    ///< DSRT_ABI_HASH of the compiler's table
  std::string target; ///< "cpu"
  std::string source; ///< hash of the source model: config, tensor names, shapes and dtypes
  // Limits of one call, and of a row.
  int64_t maxTokens = 0, maxSequences = 0, maxLength = 0, maxWanted = 0;
  int64_t vocabulary = 0;
  // The latent cache.
  int64_t cacheLayers = 0, cacheWidth = 0;
  dsrt_dtype cacheDtype = DSRT_NONE;
  ManifestProgram prefill, decode;
  std::vector<ManifestParameter> parameters;
  std::vector<ManifestSite> sites;
  Json plan; ///< the precision plan, as `ds-compile --plan-out` writes it

  /// Compact JSON with a fixed order of keys: the same manifest is the same bytes.
  std::string write() const;
  /// DSRT_UNREADABLE where a field is missing, of another type, or out of range; extents and products are checked.
  static Expected<Manifest> parse(std::string_view text, std::string_view what);
};

/// "f32", "bf16", "f16", "f8E4M3FN", "f8E5M2", "f4E2M1FN", "nf4", "ue8m0", "i32", and back (DSRT_NONE: unknown).
const char *name(dsrt_dtype dtype);
dsrt_dtype dtypeNamed(std::string_view text);

/// A plain dtype is a string, a quantised format an object:
/// {"payload":"f8E4M3FN","scale":"f32","tile":[128,128],"rule":"amax"|"power_of_two"|"mx","rounding":"nearest"|"stochastic",
/// "amax_floor":0,"seed":0,"outer_scale":"row"|"tensor"}; no outer_scale where there is none.
Json toJson(const dsrt_quant &format);
Expected<dsrt_quant> formatFromJson(const Json &json, std::string_view what);

/// Bytes of payload and of scales of [experts, rows, cols] in a format; false on overflow.
bool formatBytes(const dsrt_quant &format, int64_t experts, int64_t rows, int64_t cols, uint64_t &payload, uint64_t &scales);

} // namespace dsrt
