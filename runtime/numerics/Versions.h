// DSRT_VERSIONS: a function with it is compiled for several instruction sets, and the one that the processor runs is chosen at
// load time. The source fixes the order of every floating-point operation (no contraction, no reassociation), so all versions
// give the same bits. AddressSanitizer's run time is not up yet when the choice is made: its builds have one version.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DSRT_VERSIONS
#endif
#endif
#if !defined(DSRT_VERSIONS) && defined(__x86_64__)
#define DSRT_VERSIONS __attribute__((target_clones("avx512bw", "avx2", "default")))
#elif !defined(DSRT_VERSIONS)
#define DSRT_VERSIONS
#endif
