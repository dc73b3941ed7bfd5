module attributes {c = dense<1.0> : tensor<2xf32>} {}
