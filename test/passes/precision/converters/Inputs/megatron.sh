#!/bin/bash
# Pretraining of a small DeepSeek-V3: what speaks of precision stands in FP8_ARGS.
MODEL_ARGS=(
    --num-layers 4
    --hidden-size 256
)
FP8_ARGS=(
    --fp8-format e4m3 --fp8-recipe blockwise
    --first-last-layers-bf16
    --num-layers-at-start-in-bf16 1
    --num-layers-at-end-in-bf16 1   # the head's neighbour
    --bf16
)
OPTIMIZER_ARGS="--use-precision-aware-optimizer --main-grads-dtype fp32 --exp-avg-dtype bf16 --exp-avg-sq-dtype bf16"
torchrun pretrain_gpt.py "${MODEL_ARGS[@]}" "${FP8_ARGS[@]}" \
    $OPTIMIZER_ARGS --moe-router-dtype fp32 --lr 1e-4
