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
// C8: how QLoRA stores, a row or a whole matrix at a time
// CHECK: #tile_1xall_nf4 = #ds.quant<payload = nf4, tile = 1xall, scale = f32, rule = amax, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_1xall_nf4}
module attributes {test.it = #ds.quant<payload = nf4, tile = 1xall, scale = f32, rule = amax, rounding = nearest>} {}
// -----
// CHECK: #tile_allxall_nf4 = #ds.quant<payload = nf4, tile = allxall, scale = f32, rule = amax, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_allxall_nf4}
module attributes {test.it = #ds.quant<payload = nf4, tile = allxall, scale = f32, rule = amax, rounding = nearest>} {}
// -----
// V3.1
// CHECK: #tile_128x128_f8E4M3FN_ue8m0 = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = ue8m0, rule = power_of_two, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_128x128_f8E4M3FN_ue8m0}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = ue8m0, rule = power_of_two, rounding = nearest>} {}
// -----
// C5: MXFP4
// CHECK: #tile_1x32_f4E2M1FN_ue8m0_mx = #ds.quant<payload = f4E2M1FN, tile = 1x32, scale = ue8m0, rule = mx, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_1x32_f4E2M1FN_ue8m0_mx}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = 1x32, scale = ue8m0, rule = mx, rounding = nearest>} {}
// -----
// C6, C7: NVFP4 of a token's row, and of a whole weight
// CHECK: #tile_1x16_f4E2M1FN_e4m3_row = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest, outer = row>
// CHECK-NEXT: module attributes {test.it = #tile_1x16_f4E2M1FN_e4m3_row}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest, outer = row>} {}
// -----
// CHECK: #tile_1x16_f4E2M1FN_e4m3_tensor = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest, outer = tensor>
// CHECK-NEXT: module attributes {test.it = #tile_1x16_f4E2M1FN_e4m3_tensor}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest, outer = tensor>} {}
// -----
// C9: two values, a byte
// CHECK: #tile_allx2_f4E2M1FN = #ds.quant<payload = f4E2M1FN, tile = allx2, scale = f32, rule = amax, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_allx2_f4E2M1FN}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = allx2, scale = f32, rule = amax, rounding = nearest>} {}
// -----
// C1: a power of two is an F32 number
// CHECK: #tile_2147483647x2147483647_f8E4M3FN_power_of_two = #ds.quant<payload = f8E4M3FN, tile = 2147483647x2147483647, scale = f32, rule = power_of_two, rounding = nearest>
// CHECK-NEXT: module attributes {test.it = #tile_2147483647x2147483647_f8E4M3FN_power_of_two}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 2147483647x2147483647, scale = f32, rule = power_of_two, rounding = nearest>} {}
// -----
// C3, C4: the largest floor, and a seed
// CHECK: #tile_1x128_f8E4M3FN_stochastic = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = stochastic, floor = 1.7976931348623157e+308, seed = 7>
// CHECK-NEXT: module attributes {test.it = #tile_1x128_f8E4M3FN_stochastic}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = stochastic, floor = 1.7976931348623157e+308, seed = 7>} {}
