// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: the payload has the columns of x: one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
%x = builtin.unrealized_conversion_cast to tensor<?x129xbf16>
// expected-error@+1 {{(C1) expects a payload of 129 columns, but got 128}}
%p, %s = ds.quantize %x quant(#act) : (tensor<?x129xbf16>) -> (tensor<?x128xf8E4M3FN>, tensor<?x2xf32>)

// -----

// C1: one more
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
%x = builtin.unrealized_conversion_cast to tensor<?x129xbf16>
// expected-error@+1 {{(C1) expects a payload of 129 columns, but got 130}}
%p, %s = ds.quantize %x quant(#act) : (tensor<?x129xbf16>) -> (tensor<?x130xf8E4M3FN>, tensor<?x2xf32>)

// -----

// C2: 129 columns in tiles of 128 have two scales
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
%x = builtin.unrealized_conversion_cast to tensor<?x129xbf16>
// expected-error@+1 {{(C2) expects 2 scale columns for 129 columns in tiles of 128, but got 1}}
%p, %s = ds.quantize %x quant(#act) : (tensor<?x129xbf16>) -> (tensor<?x129xf8E4M3FN>, tensor<?x1xf32>)

// -----

// C2: not three
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
%x = builtin.unrealized_conversion_cast to tensor<?x129xbf16>
// expected-error@+1 {{(C2) expects 2 scale columns for 129 columns in tiles of 128, but got 3}}
%p, %s = ds.quantize %x quant(#act) : (tensor<?x129xbf16>) -> (tensor<?x129xf8E4M3FN>, tensor<?x3xf32>)

// -----

// C3: the payload is that of the format
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
%x = builtin.unrealized_conversion_cast to tensor<?x129xbf16>
// expected-error@+1 {{(C3) expects a payload of 'f8E4M3FN', but got 'f8E5M2'}}
%p, %s = ds.quantize %x quant(#act) : (tensor<?x129xbf16>) -> (tensor<?x129xf8E5M2>, tensor<?x2xf32>)

// -----

// C4: a row's own tiles look at no other row
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
%x, %offsets = builtin.unrealized_conversion_cast to tensor<?x128xbf16>, tensor<9xi32>
// expected-error@+1 {{(C4) expects no `experts` with #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, which looks at no other row}}
%p, %s = ds.quantize %x experts(%offsets) quant(#act) : (tensor<?x128xbf16>, tensor<9xi32>) -> (tensor<?x128xf8E4M3FN>, tensor<?x1xf32>)

// -----

// C4: nor does an outer scale of a row
#row = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest, outer = row>
%x, %offsets = builtin.unrealized_conversion_cast to tensor<?x16xbf16>, tensor<9xi32>
// expected-error@+1 {{(C4) expects no `experts` with}}
%p, %s = ds.quantize %x experts(%offsets) quant(#row) : (tensor<?x16xbf16>, tensor<9xi32>) -> (tensor<?x16xf4E2M1FN>, tensor<?x1xf32>)
