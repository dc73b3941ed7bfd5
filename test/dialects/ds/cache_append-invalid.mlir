// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: columns add up to the width: one more
%cache, %latent, %key, %batch = builtin.unrealized_conversion_cast to !ds.kv_cache<2x6xbf16>, tensor<?x5xbf16>, tensor<?x2xbf16>, !ds.batch
// expected-error@+1 {{(C1) expects latent and key of 6 columns together, but got 5 and 2}}
ds.cache_append %cache, %latent, %key, %batch layer(0) module("attn.cache") : !ds.kv_cache<2x6xbf16>, tensor<?x5xbf16>, tensor<?x2xbf16>

// -----

// C1: one less
%cache, %latent, %key, %batch = builtin.unrealized_conversion_cast to !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x1xbf16>, !ds.batch
// expected-error@+1 {{(C1) expects latent and key of 6 columns together, but got 4 and 1}}
ds.cache_append %cache, %latent, %key, %batch layer(0) module("attn.cache") : !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x1xbf16>

// -----

// C2: the latent has the cache's element type
%cache, %latent, %key, %batch = builtin.unrealized_conversion_cast to !ds.kv_cache<2x6xbf16>, tensor<?x4xf32>, tensor<?x2xbf16>, !ds.batch
// expected-error@+1 {{(C2) expects latent and key of 'bf16', but got 'f32' and 'bf16'}}
ds.cache_append %cache, %latent, %key, %batch layer(0) module("attn.cache") : !ds.kv_cache<2x6xbf16>, tensor<?x4xf32>, tensor<?x2xbf16>

// -----

// C2: and so has the key
%cache, %latent, %key, %batch = builtin.unrealized_conversion_cast to !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x2xf16>, !ds.batch
// expected-error@+1 {{(C2) expects latent and key of 'bf16', but got 'bf16' and 'f16'}}
ds.cache_append %cache, %latent, %key, %batch layer(0) module("attn.cache") : !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x2xf16>

// -----

// C3: the layer is not negative
%cache, %latent, %key, %batch = builtin.unrealized_conversion_cast to !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x2xbf16>, !ds.batch
// expected-error@+1 {{(C3) expects a layer in 0 .. 1, but got -1}}
ds.cache_append %cache, %latent, %key, %batch layer(-1) module("attn.cache") : !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x2xbf16>

// -----

// C3: two layers are 0 and 1
%cache, %latent, %key, %batch = builtin.unrealized_conversion_cast to !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x2xbf16>, !ds.batch
// expected-error@+1 {{(C3) expects a layer in 0 .. 1, but got 2}}
ds.cache_append %cache, %latent, %key, %batch layer(2) module("attn.cache") : !ds.kv_cache<2x6xbf16>, tensor<?x4xbf16>, tensor<?x2xbf16>
