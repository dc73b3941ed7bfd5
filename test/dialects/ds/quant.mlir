// Formats: how they are written, and the aliases that they are printed with.
// RUN: ds-opt %s --split-input-file | ds-opt --split-input-file | FileCheck %s

// What DeepSeek-V3 computes with.
// CHECK: #tile_1x128_f8E4M3FN = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_1x128_f8E4M3FN}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>} {}
// -----
// CHECK: #tile_128x128_f8E4M3FN = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_128x128_f8E4M3FN}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>} {}
// -----
// `all` is the whole extent.
// CHECK: #tile_1xall_f8E5M2 = #ds.quant<payload = f8E5M2, tile = 1xall, scale = f32, rule = amax, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_1xall_f8E5M2}
module attributes {test.it = #ds.quant<payload = f8E5M2, tile = 1xall, scale = f32, rule = amax, rounding = nearest>} {}
// -----
// CHECK: #tile_allxall_f8E4M3FN = #ds.quant<payload = f8E4M3FN, tile = allxall, scale = f32, rule = amax, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_allxall_f8E4M3FN}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = allxall, scale = f32, rule = amax, rounding = nearest>} {}
// -----
// CHECK: #tile_allx1_nf4 = #ds.quant<payload = nf4, tile = allx1, scale = f32, rule = amax, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_allx1_nf4}
module attributes {test.it = #ds.quant<payload = nf4, tile = allx1, scale = f32, rule = amax, rounding = nearest>} {}
// -----
// MXFP4
// CHECK: #tile_1x32_f4E2M1FN = #ds.quant<payload = f4E2M1FN, tile = 1x32, scale = ue8m0, rule = power_of_two, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_1x32_f4E2M1FN}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = 1x32, scale = ue8m0, rule = power_of_two, rounding = nearest>} {}
// -----
// NVFP4
// CHECK: #tile_1x16_f4E2M1FN = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_1x16_f4E2M1FN}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest>} {}
// -----
// C1: a power of two is an F32 number
// CHECK: #tile_2147483647x2147483647_f8E4M3FN = #ds.quant<payload = f8E4M3FN, tile = 2147483647x2147483647, scale = f32, rule = power_of_two, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_2147483647x2147483647_f8E4M3FN}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 2147483647x2147483647, scale = f32, rule = power_of_two, rounding = nearest>} {}
// -----
// C3, C4: the largest floor, and a seed
// CHECK: #tile_1x128_f8E4M3FN = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = stochastic, floor = 1.7976931348623157e+308, seed = 7>
// CHECK-NEXT: module attributes {test.it = #tile_1x128_f8E4M3FN}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = stochastic, floor = 1.7976931348623157e+308, seed = 7>} {}
