// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: E4M3 scales are no powers of two
// expected-error@+1 {{(C1) a power-of-two rule expects scales of f32 or ue8m0, but got e4m3}}
module attributes {test.it = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = e4m3, rule = power_of_two, rounding = nearest>} {}

// -----

// C2: UE8M0 scales are nothing else
// expected-error@+1 {{(C2) a ue8m0 scale expects rule = power_of_two: other scales are not powers of two}}
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
