// `ds-run bench`: tokens a second of an artifact, with its weights or with random ones.
#pragma once

namespace dsmlir {

/// Prefill of a batch of random prompts, then decode steps, as JSON on stdout: tokens a second, and percentiles of the steps' times.
int bench(int argc, const char *const *argv);

} // namespace dsmlir
