// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: a choice
// expected-error@+1 {{(C1) expects 1 .. experts choices of experts within 31 bits, but got 0 of 8}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 0>} {}

// -----

// C1: not more than experts
// expected-error@+1 {{(C1) expects 1 .. experts choices of experts within 31 bits, but got 9 of 8}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 9>} {}

// -----

// C1: experts
// expected-error@+1 {{(C1) expects 1 .. experts choices of experts within 31 bits, but got 0 of 0}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 0, top_k = 0>} {}

// -----

// C1: within 31 bits
// expected-error@+1 {{(C1) expects 1 .. experts choices of experts within 31 bits, but got 4 of 2147483648}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 2147483648, top_k = 4>} {}

// -----

// C2: groups divide the experts
// expected-error@+1 {{(C2) expects groups that divide 8 experts, but got 3}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, groups = 3>} {}

// -----

// C2: there is a group
// expected-error@+1 {{(C2) expects groups that divide 8 experts, but got 0}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, groups = 0>} {}

// -----

// C2: not minus one
// expected-error@+1 {{(C2) expects groups that divide 8 experts, but got -1}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, groups = -1>} {}

// -----

// C3: a chosen group
// expected-error@+1 {{(C3) expects 1 .. 2 chosen groups, but got 0}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, groups = 2, top_groups = 0>} {}

// -----

// C3: not more than groups
// expected-error@+1 {{(C3) expects 1 .. 2 chosen groups, but got 3}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, groups = 2, top_groups = 3>} {}

// -----

// C4: three experts of a group of two
// expected-error@+1 {{(C4) expects at most the 2 experts of the chosen groups, but got top_k 3}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 3, groups = 4>} {}

// -----

// C4: by maxima too
// expected-error@+1 {{(C4) expects at most the 2 experts of the chosen groups, but got top_k 3}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = group_limited_greedy, experts = 8, top_k = 3, groups = 4>} {}

// -----

// C5: groups of one have no two best
// expected-error@+1 {{(C5) expects groups of two experts or more, a group's score being the sum of its two best, but got 8 groups of one}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, groups = 8, top_groups = 4>} {}

// -----

// C6: the scaling is positive
// expected-error@+1 {{(C6) expects a scaling that is finite and positive in F32, but got 0.0}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, scaling = 0.0>} {}

// -----

// C6: not negative
// expected-error@+1 {{(C6) expects a scaling that is finite and positive in F32, but got -1.0}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, scaling = -1.0>} {}

// -----

// C6: in F32 this is 0
// expected-error@+1 {{(C6) expects a scaling that is finite and positive in F32, but got 7.0}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, scaling = 7.0e-46>} {}

// -----

// C6: and this is infinite
// expected-error@+1 {{(C6) expects a scaling that is finite and positive in F32, but got 3.5}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, scaling = 3.5e38>} {}

// -----

// normalize is a bool
// expected-error@+2 {{expected valid keyword}}
// expected-error@+1 {{failed to parse DS_RoutingAttr parameter 'normalize'}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, normalize = 1>} {}

// -----

// of two values
// expected-error@+2 {{expects true or false, but got yes}}
// expected-error@+1 {{failed to parse DS_RoutingAttr parameter 'normalize'}}
module attributes {test.it = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 4, normalize = yes>} {}
