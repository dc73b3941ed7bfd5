// Rotary embedding, plain and YaRN.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

// CHECK: module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0>}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0>} {}
// V3
// CHECK: module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, factor = 40.0, mscale_all_dim = 1.0, original_length = 4096>}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, factor = 40.0, mscale_all_dim = 1.0, original_length = 4096>} {}
// C1 .. C4: least values
// CHECK: module attributes {test.it = #ds.rope<dims = 2, theta = 1.0000000000000002, factor = 1.0000000000000002, beta_fast = 5.0e-324, beta_slow = 5.0e-324, mscale = 0.0, original_length = 1>}
module attributes {test.it = #ds.rope<dims = 2, theta = 1.0000000000000002, factor = 1.0000000000000002, beta_fast = 5.0e-324, beta_slow = 5.0e-324, mscale = 0.0, original_length = 1>} {}
// C1, C4: largest
// CHECK: module attributes {test.it = #ds.rope<dims = 2147483646, theta = 10000.0, original_length = 2147483647>}
module attributes {test.it = #ds.rope<dims = 2147483646, theta = 10000.0, original_length = 2147483647>} {}
// An integer is a number too.
// CHECK: module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, factor = 2.0, original_length = 1>}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000, factor = 2, original_length = 1>} {}
