// Marks arithmetic shared by the CPU and the CUDA version of an operation (the *_rule.hpp files).
#pragma once

#ifdef __CUDACC__
#define TG_HD __host__ __device__
#else
#define TG_HD
#endif

/// Always inlined, also on the device: the hot path must not be cut by a call.
#define TG_INLINE inline __attribute__((always_inline))
/// Kept out of line, so that the cold path does not cost registers in the hot one.
#define TG_COLD __attribute__((noinline, cold))
