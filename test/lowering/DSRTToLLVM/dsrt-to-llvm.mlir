// Entry points become functions of dsrt_entry's type, calls follow their line of the table, and a code other than 0 ends the function.
//
// RUN: ds-opt %s --dsrt-to-llvm | FileCheck %s
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="fp4" --ds-runtime-pipeline --ds-llvm-pipeline | FileCheck %s --check-prefix=NVFP4

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = ue8m0, rule = power_of_two, rounding = stochastic, floor = 0.25, seed = 7>

// Context, arena, weights, batch, cache, tokens, rows, wanted, ids, wanted ids.
// CHECK-LABEL: llvm.func @dsrt_prefill(
// CHECK-SAME: %[[CONTEXT:arg0]]: !llvm.ptr, %[[ARENA:arg1]]: !llvm.ptr, %[[WEIGHTS:arg2]]: !llvm.ptr, %[[BATCH:arg3]]: !llvm.ptr, %[[CACHE:arg4]]: !llvm.ptr, %[[TOKENS:arg5]]: i64, %arg6: i64, %[[WANTED:arg7]]: i64, %[[IDS:arg8]]: !llvm.ptr, %[[ROWS:arg9]]: !llvm.ptr) -> i32
// CHECK-DAG: %[[SITE0:[0-9]+]] = llvm.mlir.constant(0 : i32) : i32
// CHECK-DAG: %[[SITE1:[0-9]+]] = llvm.mlir.constant(1 : i32) : i32
// CHECK-DAG: %[[SITE2:[0-9]+]] = llvm.mlir.constant(2 : i32) : i32
// CHECK-DAG: %[[C640:[0-9]+]] = llvm.mlir.constant(640 : i64) : i64
// CHECK-DAG: %[[C32:[0-9]+]] = llvm.mlir.constant(32 : i64) : i64
// CHECK-DAG: %[[C16:[0-9]+]] = llvm.mlir.constant(16 : i64) : i64
// CHECK-DAG: %[[C2:[0-9]+]] = llvm.mlir.constant(2 : i64) : i64

// The first call: site 0; the second weight of the program, because they are numbered in its order.
// CHECK: %[[OK:[0-9]+]] = llvm.mlir.constant(0 : i32) : i32
// CHECK-NEXT: %[[A:.*]] = llvm.getelementptr %[[ARENA]][%[[C640]]] : (!llvm.ptr, i64) -> !llvm.ptr, i8
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[WEIGHTS]][1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
// CHECK: %[[TABLE:.*]] = llvm.load %[[AT]]
// Arguments: buffers and weights, then tokens, hidden, vocabulary, then T.
// CHECK: %[[CODE:.*]] = llvm.call @dsrt_embedding(%[[CONTEXT]], %[[SITE0]], %[[A]], %[[IDS]], %[[TABLE]], %[[TOKENS]], %[[C32]], %[[C16]], %[[SITE2]])
// CHECK-NEXT: %[[BAD:.*]] = llvm.icmp "ne" %[[CODE]], %[[OK]] : i32
// CHECK-NEXT: llvm.cond_br %[[BAD]], ^[[EXIT:.*]](%[[CODE]] : i32), ^[[NEXT:bb[0-9]+]]{{$}}
// CHECK-NEXT: ^[[NEXT]]:
// The attribute format is a constant of the module.
// CHECK: %[[FORMAT:.*]] = llvm.mlir.addressof @[[QUANT:dsrt_constant_quant_[0-9]+]]
// CHECK: %[[CODE:.*]] = llvm.call @dsrt_quantize(%[[CONTEXT]], %[[SITE1]], {{.*}}, %[[FORMAT]])
// CHECK-NEXT: %[[BAD:.*]] = llvm.icmp "ne" %[[CODE]], %[[OK]] : i32
// CHECK-NEXT: llvm.cond_br %[[BAD]], ^[[EXIT]](%[[CODE]] : i32), ^[[NEXT:bb[0-9]+]]{{$}}
// CHECK-NEXT: ^[[NEXT]]:
// Extents are those of the call, times a constant.
// CHECK: %[[PAIRS:.*]] = llvm.mul %[[TOKENS]], %[[C2]] : i64
// CHECK: %[[CODE:.*]] = llvm.call @dsrt_gather_rows(%[[CONTEXT]], %[[SITE2]], %{{.*}}, %{{.*}}, %{{.*}}, %[[PAIRS]], %[[C32]], %[[TOKENS]],
// CHECK: llvm.cond_br
// A weight that is not there is a null pointer; so is a format.
// CHECK: %[[NULL:.*]] = llvm.mlir.zero : !llvm.ptr
// CHECK: llvm.call @dsrt_route({{.*}}, %[[NULL]], %[[TOKENS]],
// CHECK: %[[NULL:.*]] = llvm.mlir.zero : !llvm.ptr
// CHECK: llvm.call @dsrt_mla_prefill(%[[CONTEXT]], {{.*}}, %[[CACHE]], %[[BATCH]], {{.*}}, %[[NULL]])
// CHECK: llvm.call @dsrt_gather_rows({{.*}}, %[[ROWS]], %[[WANTED]],
// CHECK: llvm.call @dsrt_linear(
// CHECK: llvm.cond_br %{{.*}}, ^[[EXIT]](%{{.*}} : i32), ^[[NEXT:bb[0-9]+]]{{$}}
// CHECK-NEXT: ^[[NEXT]]:
// CHECK-NEXT: llvm.br ^[[EXIT]](%[[OK]] : i32)
// CHECK-NEXT: ^[[EXIT]](%[[CODE:.*]]: i32):
// CHECK-NEXT: llvm.return %[[CODE]] : i32

// dsrt_quant: payload F8E4M3 (4), scale UE8M0 (8), 1 x 128, power of two (1), stochastic (1), floor, 0, seed.
// CHECK: llvm.mlir.global internal constant @[[QUANT]]()
// CHECK: llvm.mlir.constant(4 : i32)
// CHECK: llvm.insertvalue {{.*}}[0]
// CHECK: llvm.mlir.constant(8 : i32)
// CHECK: llvm.insertvalue {{.*}}[1]
// CHECK: llvm.mlir.constant(1 : i32)
// CHECK: llvm.insertvalue {{.*}}[2]
// CHECK: llvm.mlir.constant(128 : i32)
// CHECK: llvm.insertvalue {{.*}}[3]
// CHECK: llvm.mlir.constant(1 : i32)
// CHECK: llvm.insertvalue {{.*}}[4]
// CHECK: llvm.mlir.constant(1 : i32)
// CHECK: llvm.insertvalue {{.*}}[5]
// CHECK: llvm.mlir.constant(2.500000e-01 : f32)
// CHECK: llvm.insertvalue {{.*}}[6]
// CHECK: llvm.mlir.constant(7 : i64)
// CHECK: llvm.insertvalue {{.*}}[8]

// The activations of NVFP4 are payload F4E2M1 (6), scale F8E4M3 (4), 1 x 16, amax (0), nearest (0), floor, an outer scale of the row (1), no seed.
// NVFP4: llvm.mlir.global internal constant @dsrt_constant_quant
// NVFP4: llvm.mlir.constant(6 : i32)
// NVFP4: llvm.insertvalue {{.*}}[0]
// NVFP4: llvm.mlir.constant(4 : i32)
// NVFP4: llvm.insertvalue {{.*}}[1]
// NVFP4: llvm.mlir.constant(1 : i32)
// NVFP4: llvm.insertvalue {{.*}}[2]
// NVFP4: llvm.mlir.constant(16 : i32)
// NVFP4: llvm.insertvalue {{.*}}[3]
// NVFP4: llvm.mlir.constant(0 : i32)
// NVFP4: llvm.insertvalue {{.*}}[4]
// NVFP4: llvm.mlir.constant(0 : i32)
// NVFP4: llvm.insertvalue {{.*}}[5]
// NVFP4: llvm.mlir.constant(0.000000e+00 : f32)
// NVFP4: llvm.insertvalue {{.*}}[6]
// NVFP4: llvm.mlir.constant(1 : i32)
// NVFP4: llvm.insertvalue {{.*}}[7]
// NVFP4: llvm.mlir.constant(0 : i64)
// NVFP4: llvm.insertvalue {{.*}}[8]

// Sites go on counting.
// CHECK-LABEL: llvm.func @dsrt_decode(
// CHECK: %[[SITE:.*]] = llvm.mlir.constant(7 : i32) : i32
// CHECK: llvm.call @dsrt_embedding(%arg0, %[[SITE]],
// CHECK: llvm.return
// CHECK-NOT: dsrt.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @kv : tensor<64x16xbf16> from "kv" stored(bf16) use(rows)
  dsrt.entry @prefill arena(65536) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x24xbf16>):
    %a = dsrt.allocate at(640) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %q = dsrt.allocate at(1280) : !dsrt.buffer<tokens x 32 x f8E4M3FN>
    %s = dsrt.allocate at(1600) : !dsrt.buffer<tokens x 1 x f32>
    dsrt.quantize %q, %s, %a module("q") {format = #act} : !dsrt.buffer<tokens x 32 x f8E4M3FN>, !dsrt.buffer<tokens x 1 x f32>, !dsrt.buffer<tokens x 32 x bf16>
    %order = dsrt.allocate at(1728) : !dsrt.buffer<tokens*2 x i32>
    %d = dsrt.allocate at(1856) : !dsrt.buffer<tokens*2 x 32 x bf16>
    dsrt.gather_rows %d, %a, %order module("dispatch") {divisor = 2 : i64} : !dsrt.buffer<tokens*2 x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens*2 x i32>
    %l = dsrt.allocate at(4096) : !dsrt.buffer<tokens x 4 x f32>
    %w = dsrt.allocate at(8192) : !dsrt.buffer<tokens x 2 x f32>
    %e = dsrt.allocate at(8320) : !dsrt.buffer<tokens x 2 x i32>
    dsrt.route %w, %e, %l module("route") {groups = 1 : i64, normalize = 0 : i64, scaling = 1.0 : f32, scoring = 0 : i64, selection = 0 : i64, top_groups = 1 : i64} : !dsrt.buffer<tokens x 2 x f32>, !dsrt.buffer<tokens x 2 x i32>, !dsrt.buffer<tokens x 4 x f32>
    %scratch = dsrt.allocate at(16384) : !dsrt.buffer<4096 x i8>
    %y = dsrt.allocate at(32768) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.mla_prefill %y, %a, @kv, %cache, %batch, %scratch module("kv_b_proj") {heads = 2 : i64, layer = 0 : i64, nope = 8 : i64, rope = 8 : i64, softmax_scale = 0.5 : f32, value = 16 : i64} : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.cache<1x24xbf16>, !dsrt.buffer<4096 x i8>
    %t = dsrt.allocate at(0) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %t, %y, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %o = dsrt.allocate at(4096) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %o, %t, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %o : !dsrt.buffer<wanted x 16 x f32>
  }
  dsrt.entry @decode arena(4096) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x24xbf16>):
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %t = dsrt.allocate at(640) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %t, %a, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %o = dsrt.allocate at(1280) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %o, %t, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %o : !dsrt.buffer<wanted x 16 x f32>
  }
}
