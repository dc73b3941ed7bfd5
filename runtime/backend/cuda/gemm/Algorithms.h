// Which kernel computes which product: chosen by rule, or measured once on this device and kept in a file. Host code.
//
// The file is JSON: the device, the versions of driver, cuBLASLt and our kernels, and for each product the kernel, cuBLASLt's
// algorithms where it is the kernel, and the microseconds (0: chosen by rule while a graph was captured). A measured choice stays, so a
// run that finds all its products in a file computes the same bits each time.
#pragma once

#include "runtime/backend/cuda/gemm/Multiply.h"

#include <array>
#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

namespace dsrt::cuda {

/// Raised when a kernel of ours gets faster or computes other bits: what was measured before is measured anew.
inline constexpr int64_t kernelsVersion = 1;

/// Up to as many rows each number of rows has a choice of its own; above, four an octave.
inline constexpr int64_t exactRows = 256;

enum class Kernel { small, large, cublasLt, fewRows, generic };
inline constexpr const char *kernelNames[] = {"small", "large", "cublaslt", "few_rows", "generic"};

/// A kernel for a product.
struct Choice {
  explicit Choice(Kernel kernel = Kernel::generic) : kernel(kernel) {}
  Kernel kernel;
  std::vector<cublasLtMatmulAlgo_t> algorithms; ///< of each side, for cublasLt
  double microseconds = 0;                      ///< with the weights cold; 0: not measured
};

/// The kernel for a product: the known choice, else one that is made now, by measuring or by rule as the context was opened.
/// Measuring runs the product.
Expected<Choice> choiceOf(State &state, const Multiplication &product);

/// All choices that there are: each of our kernels that takes the product, and at most five algorithms of cuBLASLt.
std::vector<Choice> choicesFor(State &state, const Multiplication &product);

/// Queues a product by a choice that choicesFor gave for it.
Status multiplyBy(State &state, const Multiplication &product, const Choice &choice);

/// The choices of one context.
class Algorithms {
public:
  /// Opens what the options ask for. To measure, a file that is broken or was made by other versions is begun anew, and stderr says so; to
  /// repeat, it is refused: DSRT_UNREADABLE, DSRT_MISMATCH, the errors of reading a file.
  static Expected<std::shared_ptr<Algorithms>> open(const dsrt_backend_options &options, const std::string &deviceName);

  /// Writes what was measured, if anything was; a failure is told on stderr.
  ~Algorithms();

  /// The choice for a product: a known one, or what `measure` makes where choices are measured (a choice of 0 microseconds is made
  /// again at the next call), or `rule`. DSRT_REJECTED, with what to do, where choices are repeated and this one is not among them.
  Expected<Choice> choose(const Multiplication &product, const std::function<Expected<Choice>()> &measure,
                          const std::function<Choice()> &rule);

private:
  Status read();
  Status write() const;

  /// What a choice depends on.
  struct Key {
    std::array<int64_t, 14> fields;
    bool operator==(const Key &) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key &key) const;
  };
  static Key keyOf(const Multiplication &product);
  static std::string textOf(const Key &key);

  int32_t mode = DSRT_ALGORITHMS_RULE;
  std::string path, device;
  int64_t driver = 0;
  std::map<std::string, Choice> kept; ///< as in the file, by textOf the key
  std::unordered_map<Key, Choice, KeyHash> known;
  bool changed = false, told = false;
};

} // namespace dsrt::cuda
