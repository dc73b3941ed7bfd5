// Writes latent and rotated key to the cache.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

%cache, %latent, %key, %batch = builtin.unrealized_conversion_cast to !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x2xbf16>, !ds.batch

// C3: the first layer
// CHECK: ds.cache_append %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} layer(0) module("attn.cache") : !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x2xbf16>
ds.cache_append %cache, %latent, %key, %batch layer(0) module("attn.cache") : !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x2xbf16>
// C3: the last
// CHECK: ds.cache_append %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} layer(1) module("attn.cache") : !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x2xbf16>
ds.cache_append %cache, %latent, %key, %batch layer(1) module("attn.cache") : !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x2xbf16>
