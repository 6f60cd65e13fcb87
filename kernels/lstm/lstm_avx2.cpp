// The tile code in eight-lane vectors with fused multiply-add.
#include "kernels/lstm/lstm_tile_code.hpp"

#include <immintrin.h>

namespace tidegauge::lstm {
namespace {

struct Avx2 {
  using Vector = float __attribute__((vector_size(32)));
  using Bits = int __attribute__((vector_size(32)));
  static constexpr std::size_t lanes = 8, back_vectors = 4;
  template <int Vectors>
  static constexpr int rows = Vectors == 1   ? 8
                              : Vectors == 2 ? 6
                                             : 3;  // of 16 registers
  static TG_INLINE Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static TG_INLINE Vector larger(Vector a, Vector b) { return _mm256_max_ps(a, b); }
  static TG_INLINE Vector smaller(Vector a, Vector b) { return _mm256_min_ps(a, b); }
  static TG_INLINE Vector reciprocal(Vector x) { return 1.0f / x; }
};

}  // namespace

constinit const LayerCode avx2_code = LayerKernels<Avx2>::code("avx2");

}  // namespace tidegauge::lstm
