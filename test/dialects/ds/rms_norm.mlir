// Root mean square norm.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>

ds.model @m config(#config) {
  ds.param @w : tensor<4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // CHECK: %{{.*}} = ds.rms_norm %{{.*}}, @w eps(1.0e-06) module("blocks.0.attn_norm") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    %y0 = ds.rms_norm %x, @w eps(1.0e-06) module("blocks.0.attn_norm") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    // C3: the least eps that is not 0 in F32
    // CHECK: %{{.*}} = ds.rms_norm %{{.*}}, @w eps(7.1e-46) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    %y1 = ds.rms_norm %x, @w eps(7.1e-46) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    // C3: the largest that is finite there
    // CHECK: %{{.*}} = ds.rms_norm %{{.*}}, @w eps(3.4028234663852886e+38) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    %y2 = ds.rms_norm %x, @w eps(3.4028234663852886e+38) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    // CHECK: %{{.*}} = ds.rms_norm %{{.*}}, @w eps(1.0) module("n") precision(<compute = f32, by = "default", storage = bf16>) : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    %y3 = ds.rms_norm %x, @w eps(1.0) module("n") precision(<compute = f32, by = "default", storage = bf16>) : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
