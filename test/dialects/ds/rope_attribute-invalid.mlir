// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: dims are positive
// expected-error@+1 {{(C1) expects an even, positive number of dims within 31 bits, but got 0}}
module attributes {test.it = #ds.rope<dims = 0, theta = 10000.0>} {}

// -----

// C1: not negative
// expected-error@+1 {{(C1) expects an even, positive number of dims within 31 bits, but got -2}}
module attributes {test.it = #ds.rope<dims = -2, theta = 10000.0>} {}

// -----

// C1: even
// expected-error@+1 {{(C1) expects an even, positive number of dims within 31 bits, but got 3}}
module attributes {test.it = #ds.rope<dims = 3, theta = 10000.0>} {}

// -----

// C1: within 31 bits
// expected-error@+1 {{(C1) expects an even, positive number of dims within 31 bits, but got 2147483648}}
module attributes {test.it = #ds.rope<dims = 2147483648, theta = 10000.0>} {}

// -----

// C2: theta is above 1
// expected-error@+1 {{(C2) expects a finite theta above 1, but got 1.0}}
module attributes {test.it = #ds.rope<dims = 64, theta = 1.0>} {}

// -----

// C2: finite
// expected-error@+1 {{(C2) expects a finite theta above 1, but got}}
module attributes {test.it = #ds.rope<dims = 64, theta = 1.0e999>} {}

// -----

// C2: a decimal integer is as large as F64 holds
// expected-error@+2 {{expects a number within the range of F64}}
// expected-error@+1 {{failed to parse DS_RopeAttr parameter 'theta'}}
module attributes {test.it = #ds.rope<dims = 64, theta = 1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000>} {}

// -----

// C2: bits of a float are no number here
// expected-error@+1 {{expected }}
module attributes {test.it = #ds.rope<dims = 64, theta = 0x7FF8000000000000>} {}

// -----

// C3: the factor is 1 or above
// expected-error@+1 {{(C3) expects a finite factor of 1 or above, but got}}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, factor = 0.99>} {}

// -----

// C3: finite
// expected-error@+1 {{(C3) expects a finite factor of 1 or above, but got}}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, factor = 1.0e999, original_length = 1>} {}

// -----

// C4: YaRN has an original length
// expected-error@+1 {{(C4) expects an original_length of 1 or above within 31 bits, but got 0}}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, factor = 2.0>} {}

// -----

// C4: not negative
// expected-error@+1 {{(C4) expects an original_length of 0 or above within 31 bits, but got -1}}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, original_length = -1>} {}

// -----

// C4: within 31 bits
// expected-error@+1 {{(C4) expects an original_length of 0 or above within 31 bits, but got 2147483648}}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, original_length = 2147483648>} {}

// -----

// C5: beta_slow is positive
// expected-error@+1 {{(C5) expects 0 < beta_slow <= beta_fast, both finite, but got 0.0}}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, beta_slow = 0.0>} {}

// -----

// C5: not above beta_fast
// expected-error@+1 {{(C5) expects 0 < beta_slow <= beta_fast, both finite, but got 1.5}}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, beta_fast = 1.0, beta_slow = 1.5>} {}

// -----

// C5: finite
// expected-error@+1 {{(C5) expects 0 < beta_slow <= beta_fast, both finite, but got}}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, beta_fast = 1.0e999>} {}

// -----

// C6: mscale is not negative
// expected-error@+1 {{(C6) expects a finite mscale of 0 or above, but got -1.0}}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, mscale = -1.0>} {}

// -----

// C6: finite
// expected-error@+1 {{(C6) expects a finite mscale of 0 or above, but got}}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, mscale = 1.0e999>} {}

// -----

// C6: nor is mscale_all_dim
// expected-error@+1 {{(C6) expects a finite mscale_all_dim of 0 or above, but got -1.0}}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, mscale_all_dim = -1>} {}

// -----

// C6: finite
// expected-error@+1 {{(C6) expects a finite mscale_all_dim of 0 or above, but got}}
module attributes {test.it = #ds.rope<dims = 64, theta = 10000.0, mscale_all_dim = 1.0e999>} {}
