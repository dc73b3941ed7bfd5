// Cosine and sine of the batch's positions.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

%batch = builtin.unrealized_conversion_cast to !ds.batch

// CHECK: %{{.*}}, %{{.*}} = ds.rope_table %{{.*}} rope(<dims = 4, theta = 10000.0>) : tensor<?x2xf32>, tensor<?x2xf32>
%cos, %sin = ds.rope_table %batch rope(<dims = 4, theta = 10000.0>) : tensor<?x2xf32>, tensor<?x2xf32>
