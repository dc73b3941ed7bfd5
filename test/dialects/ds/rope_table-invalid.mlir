// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: dims / 2 columns of cosine: one more
%batch = builtin.unrealized_conversion_cast to !ds.batch
// expected-error@+1 {{(C1) expects 2 columns for 4 dims, but got 3}}
%cos, %sin = ds.rope_table %batch rope(#ds.rope<dims = 4, theta = 1.0e4>) : tensor<?x3xf32>, tensor<?x2xf32>

// -----

// C1: one less
%batch = builtin.unrealized_conversion_cast to !ds.batch
// expected-error@+1 {{(C1) expects 2 columns for 4 dims, but got 1}}
%cos, %sin = ds.rope_table %batch rope(#ds.rope<dims = 4, theta = 1.0e4>) : tensor<?x1xf32>, tensor<?x2xf32>

// -----

// C1: of sine
%batch = builtin.unrealized_conversion_cast to !ds.batch
// expected-error@+1 {{(C1) expects 2 columns for 4 dims, but got 4}}
%cos, %sin = ds.rope_table %batch rope(#ds.rope<dims = 4, theta = 1.0e4>) : tensor<?x2xf32>, tensor<?x4xf32>

// -----

// tables are F32
%batch = builtin.unrealized_conversion_cast to !ds.batch
// expected-error@+1 {{result #0 must be tensor<?xN> of f32, but got 'tensor<?x2xbf16>'}}
%cos, %sin = ds.rope_table %batch rope(#ds.rope<dims = 4, theta = 1.0e4>) : tensor<?x2xbf16>, tensor<?x2xf32>
