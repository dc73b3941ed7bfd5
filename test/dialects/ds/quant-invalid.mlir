// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: E4M3 scales are no powers of two
// expected-error@+1 {{(C1) a power-of-two rule expects scales of f32 or ue8m0, but got e4m3}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = e4m3, rule = power_of_two, rounding = nearest>} {}

// -----

// C2: UE8M0 scales are nothing else
// expected-error@+1 {{(C2) a ue8m0 scale expects rule = power_of_two or mx: other scales are not powers of two}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = ue8m0, rule = amax, rounding = nearest>} {}

// -----

// C3: the floor is not negative
// expected-error@+1 {{(C3) expects a finite floor of 0 or above, but got -5.000000e-01}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest, floor = -0.5>} {}

// -----

// C3: finite
// expected-error@+1 {{(C3) expects a finite floor of 0 or above, but got}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest, floor = 1.0e999>} {}

// -----

// C4: nearest rounding has no seed
// expected-error@+1 {{(C4) a seed belongs to stochastic rounding}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest, seed = 7>} {}

// -----

// C5: the mx rule makes powers of two that bytes hold
// expected-error@+1 {{(C5) the mx rule expects scales of ue8m0, but got f32}}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = 1x32, scale = f32, rule = mx, rounding = nearest>} {}

// -----

// C6: E4M3 scales alone reach no further than 448
// expected-error@+1 {{(C6) expects an outer scale exactly where scales are e4m3, but got outer = none and scales of e4m3}}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest>} {}

// -----

// C6: other scales have no outer one
// expected-error@+1 {{(C6) expects an outer scale exactly where scales are e4m3, but got outer = tensor and scales of f32}}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = f32, rule = amax, rounding = nearest, outer = tensor>} {}

// -----

// C7: a row of its own has no tiles of two
// expected-error@+1 {{(C7) an outer scale of a row expects tiles of one row}}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = 2x16, scale = e4m3, rule = amax, rounding = nearest, outer = row>} {}

// -----

// C7: nor of all
// expected-error@+1 {{(C7) an outer scale of a row expects tiles of one row}}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = allx16, scale = e4m3, rule = amax, rounding = nearest, outer = row>} {}

// -----

// C8: levels of NF4 are multiplied with F32
// expected-error@+1 {{(C8) nf4 expects scales of f32 by amax and nearest rounding, but got ue8m0 by power_of_two and nearest}}
module attributes {test.it = #ds.quant<payload = nf4, tile = 1xall, scale = ue8m0, rule = power_of_two, rounding = nearest>} {}

// -----

// C8: to the nearest level
// expected-error@+1 {{(C8) nf4 expects scales of f32 by amax and nearest rounding, but got f32 by amax and stochastic}}
module attributes {test.it = #ds.quant<payload = nf4, tile = 1xall, scale = f32, rule = amax, rounding = stochastic>} {}

// -----

// C9: the second tile would begin in the middle of a byte
// expected-error@+1 {{(C9) a four-bit payload expects an even number of columns in a tile, but got 15}}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = 1x15, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// C9: NF4 as well
// expected-error@+1 {{(C9) a four-bit payload expects an even number of columns in a tile, but got 1}}
module attributes {test.it = #ds.quant<payload = nf4, tile = allx1, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// an outer scale is of rows or of tensors
// expected-error@+2 {{expected one of [none, row, tensor] for what has a second scale above those of its tiles, got: column}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'outer'}}
module attributes {test.it = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest, outer = column>} {}

// -----

// a tile is rows x columns: 128
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 128, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is rows x columns: 1x
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is rows x columns: x128
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = x128, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is rows x columns: all
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = all, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is rows x columns: all128
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = all128, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is rows x columns: 1x0
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x0, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is rows x columns: 0x128
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 0x128, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is rows x columns: 1x1x1
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x1x1, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is rows x columns: 1xAll
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1xAll, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is rows x columns: -1x128
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = -1x128, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is rows x columns: 1x2147483648
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x2147483648, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is rows x columns: 2147483648x1
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 2147483648x1, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is rows x columns: 1x99999999999999999999999
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x99999999999999999999999, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// an extent has 64 bits at most
// expected-error@+2 {{integer value too large}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 99999999999999999999999x1, scale = f32, rule = amax, rounding = nearest>} {}

// -----

// a tile is no string
// expected-error@+2 {{expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits}}
// expected-error@+1 {{failed to parse DS_QuantAttr parameter 'tile'}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = "1x128", scale = f32, rule = amax, rounding = nearest>} {}
