// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: an expert has a begin and an end
%experts = builtin.unrealized_conversion_cast to tensor<?x3xi32>
// expected-error@+1 {{(C1) expects offsets of an extent of at least 2, but got 'tensor<1xi32>'}}
%order, %offsets = ds.expert_order %experts module("ffn.order") : (tensor<?x3xi32>) -> (tensor<?xi32>, tensor<1xi32>)

// -----

// offsets are counted
%experts = builtin.unrealized_conversion_cast to tensor<?x3xi32>
// expected-error@+1 {{result #1 must be tensor<Nxi32>, but got 'tensor<?xi32>'}}
%order, %offsets = ds.expert_order %experts module("ffn.order") : (tensor<?x3xi32>) -> (tensor<?xi32>, tensor<?xi32>)

// -----

// pairs are not
%experts = builtin.unrealized_conversion_cast to tensor<?x3xi32>
// expected-error@+1 {{result #0 must be tensor<?xi32>, but got 'tensor<6xi32>'}}
%order, %offsets = ds.expert_order %experts module("ffn.order") : (tensor<?x3xi32>) -> (tensor<6xi32>, tensor<9xi32>)
