// How experts are scored and chosen.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

// V3; C4: all experts of the chosen groups; C5: groups of two
// CHECK: module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, groups = 4, top_groups = 2, normalize = true, scaling = 2.5>}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, groups = 4, top_groups = 2, normalize = true, scaling = 2.5>} {}
// V2
// CHECK: module attributes {test.it = #ds.routing<scoring = softmax, selection = greedy, experts = 8, top_k = 4>}
module attributes {test.it = #ds.routing<scoring = softmax, selection = greedy, experts = 8, top_k = 4>} {}
// C1, C3: all of them
// CHECK: module attributes {test.it = #ds.routing<scoring = sigmoid, selection = group_limited_greedy, experts = 8, top_k = 8, groups = 2, top_groups = 2>}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = group_limited_greedy, experts = 8, top_k = 8, groups = 2, top_groups = 2>} {}
// C1, C5: one expert is one group
// CHECK: module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 1, top_k = 1>}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 1, top_k = 1>} {}
// C2: groups of one, where a group counts by its best
// CHECK: module attributes {test.it = #ds.routing<scoring = sigmoid, selection = group_limited_greedy, experts = 8, top_k = 4, groups = 8, top_groups = 4>}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = group_limited_greedy, experts = 8, top_k = 4, groups = 8, top_groups = 4>} {}
// C4: greedy looks at all experts
// CHECK: module attributes {test.it = #ds.routing<scoring = sigmoid, selection = greedy, experts = 8, top_k = 4, groups = 8>}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = greedy, experts = 8, top_k = 4, groups = 8>} {}
// C1, C6: largest
// CHECK: module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 2147483647, top_k = 4, scaling = 3.4028234663852886e+38>}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 2147483647, top_k = 4, scaling = 3.4028234663852886e+38>} {}
// C6: least
// CHECK: module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, scaling = 7.1e-46>}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, scaling = 7.1e-46>} {}
