// Sorts pairs by expert.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

%experts = builtin.unrealized_conversion_cast to tensor<?x3xi32>

// CHECK: %{{.*}}, %{{.*}} = ds.expert_order %{{.*}} module("ffn.order") : (tensor<?x3xi32>) -> (tensor<?xi32>, tensor<9xi32>)
%arder, %affsets = ds.expert_order %experts module("ffn.order") : (tensor<?x3xi32>) -> (tensor<?xi32>, tensor<9xi32>)
// C1: the offsets of one expert
// CHECK: %{{.*}}, %{{.*}} = ds.expert_order %{{.*}} module("ffn.order") : (tensor<?x3xi32>) -> (tensor<?xi32>, tensor<2xi32>)
%brder, %bffsets = ds.expert_order %experts module("ffn.order") : (tensor<?x3xi32>) -> (tensor<?xi32>, tensor<2xi32>)
