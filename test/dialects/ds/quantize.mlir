// Payload and scales of activations.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#row = #ds.quant<payload = f8E5M2, tile = 1xall, scale = f32, rule = amax, rounding = nearest>
#tensor = #ds.quant<payload = f8E4M3FN, tile = allxall, scale = f32, rule = amax, rounding = nearest>
#nvfp4 = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest, outer = tensor>

%x, %narrow, %offsets = builtin.unrealized_conversion_cast to tensor<?x129xbf16>, tensor<?x128xbf16>, tensor<9xi32>

// C2: a partial tile is a tile of its own
// CHECK: %{{.*}}, %{{.*}} = ds.quantize %{{.*}} quant(#tile_1x128_f8E4M3FN) : (tensor<?x129xbf16>) -> (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>)
%p0, %s0 = ds.quantize %x quant(#act) : (tensor<?x129xbf16>) -> (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>)
// C2: one whole tile
// CHECK: %{{.*}}, %{{.*}} = ds.quantize %{{.*}} quant(#tile_1x128_f8E4M3FN) : (tensor<?x128xbf16>) -> (tensor<?x128xf8E4M3FN>, tensor<?x1xf32>)
%p1, %s1 = ds.quantize %narrow quant(#act) : (tensor<?x128xbf16>) -> (tensor<?x128xf8E4M3FN>, tensor<?x1xf32>)
// C2: the whole extent has one scale
// CHECK: %{{.*}}, %{{.*}} = ds.quantize %{{.*}} quant(#tile_1xall_f8E5M2) : (tensor<?x129xbf16>) -> (tensor<?x129xf8E5M2>, tensor<?x1xf32>)
%p2, %s2 = ds.quantize %x quant(#row) : (tensor<?x129xbf16>) -> (tensor<?x129xf8E5M2>, tensor<?x1xf32>)
// C4: a scale of all rows is one of each expert's rows; so is an outer one
// CHECK: %{{.*}}, %{{.*}} = ds.quantize %{{.*}} experts(%{{.*}}) quant(#tile_allxall_f8E4M3FN) : (tensor<?x129xbf16>, tensor<9xi32>) -> (tensor<?x129xf8E4M3FN>, tensor<?x1xf32>)
%p3, %s3 = ds.quantize %x experts(%offsets) quant(#tensor) : (tensor<?x129xbf16>, tensor<9xi32>) -> (tensor<?x129xf8E4M3FN>, tensor<?x1xf32>)
// CHECK: %{{.*}}, %{{.*}} = ds.quantize %{{.*}} experts(%{{.*}}) quant(#tile_1x16_f4E2M1FN_e4m3_tensor) : (tensor<?x129xbf16>, tensor<9xi32>) -> (tensor<?x129xf4E2M1FN>, tensor<?x9xf32>)
%p4, %s4 = ds.quantize %x experts(%offsets) quant(#nvfp4) : (tensor<?x129xbf16>, tensor<9xi32>) -> (tensor<?x129xf4E2M1FN>, tensor<?x9xf32>)
