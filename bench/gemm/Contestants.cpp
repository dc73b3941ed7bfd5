// Both sides of the comparison.
#include "bench/gemm/Contestants.h"

#include "runtime/backend/cpu/gemm/Gemm.h"
#include "runtime/numerics/Codecs.h"

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>
#include <unordered_map>

extern "C" void omp_set_num_threads(int);

using namespace dsrt;

namespace bench {

namespace {

int64_t copiesFor(size_t bytes, int64_t coldBytes) { return std::max<int64_t>(1, (coldBytes + int64_t(bytes) - 1) / int64_t(bytes)); }

void require(const Status &status) {
  if (!status.ok())
    throw std::runtime_error(status.message());
}

class Ours : public Contestant {
public:
  Ours(const Operands &operands, int threads, int64_t coldBytes)
      : operands(operands), threads(threads), y(size_t(operands.m * operands.n) * elementBytes(resultType(operands.dtype))) {
    copies = copiesFor(operands.w.size(), coldBytes);
    implementation = *cpu::selectedIsa();
    dsrt_weight weight{};
    weight.path = "weight";
    weight.experts = 1, weight.rows = operands.n, weight.cols = operands.k;
    weight.use = DSRT_USE_MATMUL;
    weight.format.payload = operands.dtype;
    if (!operands.wScales.empty())
      weight.format.tile_rows = weight.format.tile_cols = 128;
    weight.data = operands.w.data();
    weight.scales = operands.wScales.empty() ? nullptr : operands.wScales.data();
    weights.assign(size_t(copies), weight);
    for (dsrt_weight &copy : weights) {
      bool released = false;
      require(cpu::prepareWeight(threads, copy, released));
    }
    x.dtype = operands.dtype, x.data = operands.x.data(), x.ld = operands.k;
    if (!operands.xScales.empty())
      x.scales = operands.xScales.data(), x.scale_ld = (operands.k + 127) / 128, x.tileCols = 128;
  }
  ~Ours() override {
    for (dsrt_weight &copy : weights)
      cpu::releaseWeight(copy);
  }
  void run() override {
    require(cpu::multiply(threads, resultType(operands.dtype), y.data(), operands.n, x, weights[next], 0, operands.m));
    next = (next + 1) % weights.size();
  }
  const void *result() const override { return y.data(); }

private:
  const Operands &operands;
  int threads;
  cpu::Lhs x;
  std::vector<dsrt_weight> weights;
  std::vector<std::byte> y;
  size_t next = 0;
};

class OneDnn : public Contestant {
public:
  OneDnn(const Operands &operands, int threads, int64_t coldBytes) : threads(threads) {
    using tag = dnnl::memory::format_tag;
    auto type = operands.dtype == DSRT_F32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
    dnnl::memory::dim m = operands.m, n = operands.n, k = operands.k;
    omp_set_num_threads(threads); // oneDNN plans its work for them
    dnnl::memory::desc left({m, k}, type, tag::ab), any({k, n}, type, tag::any), out({m, n}, type, tag::ab);
    dnnl::matmul::primitive_desc plan(dnnl::matmul::desc(left, any, out), engine);
    product = dnnl::matmul(plan);
    implementation = plan.impl_info_str();
    x = dnnl::memory(left, engine, const_cast<std::byte *>(operands.x.data()));
    y = dnnl::memory(out, engine);
    dnnl::memory rows({{k, n}, type, tag::ba}, engine, const_cast<std::byte *>(operands.w.data())); // w is [n, k]
    copies = copiesFor(operands.w.size(), coldBytes);
    for (int64_t copy = 0; copy < copies; ++copy) {
      weights.emplace_back(plan.weights_desc(), engine);
      dnnl::reorder(rows, weights.back()).execute(stream, rows, weights.back());
    }
    stream.wait();
  }
  void run() override {
    omp_set_num_threads(threads);
    product.execute(stream, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, weights[next]}, {DNNL_ARG_DST, y}});
    stream.wait();
    next = (next + 1) % weights.size();
  }
  const void *result() const override { return y.get_data_handle(); }

private:
  int threads;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::primitive product;
  dnnl::memory x, y;
  std::vector<dnnl::memory> weights;
  size_t next = 0;
};

} // namespace

std::unique_ptr<Contestant> ours(const Operands &operands, int threads, int64_t coldBytes) {
  return std::make_unique<Ours>(operands, threads, coldBytes);
}

std::unique_ptr<Contestant> oneDnn(const Operands &operands, int threads, int64_t coldBytes) {
  return std::make_unique<OneDnn>(operands, threads, coldBytes);
}

std::string oneDnnVersion() {
  const dnnl_version_t *version = dnnl::version();
  return format("%d.%d.%d", version->major, version->minor, version->patch);
}

} // namespace bench
