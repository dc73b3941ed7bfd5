// The wanted rows.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

%x, %rows = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?xi32>

// CHECK: %{{.*}} = ds.take_rows %{{.*}}, %{{.*}} module("wanted") : tensor<?x4xbf16>, tensor<?xi32>
%y = ds.take_rows %x, %rows module("wanted") : tensor<?x4xbf16>, tensor<?xi32>
