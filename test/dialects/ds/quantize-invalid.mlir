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
