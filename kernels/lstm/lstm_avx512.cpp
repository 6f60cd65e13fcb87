// The tile code in sixteen-lane vectors.
#include "kernels/lstm/lstm_tile_code.hpp"

#include <immintrin.h>

namespace tidegauge::lstm {
namespace {

struct Avx512 {
  using Vector = float __attribute__((vector_size(64)));
  using Bits = int __attribute__((vector_size(64)));
  static constexpr std::size_t lanes = 16, back_vectors = 4;
  template <int Vectors>
  static constexpr int rows = Vectors == 1   ? 12
                              : Vectors == 2 ? 12
                              : Vectors == 3 ? 8
                                             : 6;  // of 32 registers
  static TG_INLINE Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static TG_INLINE Vector larger(Vector a, Vector b) { return _mm512_maskz_max_ps(0xffff, a, b); }
  static TG_INLINE Vector smaller(Vector a, Vector b) { return _mm512_maskz_min_ps(0xffff, a, b); }
  /// 14 bits from the table and one Newton step: as exact as a float holds, at a third of a division's cost.
  static TG_INLINE Vector reciprocal(Vector x) {
    const Vector y = _mm512_maskz_rcp14_ps(0xffff, x);
    return _mm512_fmadd_ps(y, _mm512_fnmadd_ps(x, y, _mm512_set1_ps(1.0f)), y);
  }
};

}  // namespace

constinit const LayerCode avx512_code = LayerKernels<Avx512>::code("avx512");

}  // namespace tidegauge::lstm
