module attributes {c = affine_map<(d0) -> (d0)>} {}
