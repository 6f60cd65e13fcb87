// The tile code in four-lane vectors, which every 64-bit processor has (SSE2, NEON).
#include "kernels/lstm/lstm_tile_code.hpp"

namespace tidegauge::lstm {
namespace {

struct Portable {
  using Vector = float __attribute__((vector_size(16)));
  using Bits = int __attribute__((vector_size(16)));
  static constexpr std::size_t lanes = 4, back_vectors = 4;
  template <int Vectors>
  static constexpr int rows = Vectors == 1   ? 8
                              : Vectors == 2 ? 4
                                             : 2;  // of 16 registers
  static TG_INLINE Vector fma(Vector a, Vector b, Vector c) { return a * b + c; }
  static TG_INLINE Vector larger(Vector a, Vector b) { return a > b ? a : b; }
  static TG_INLINE Vector smaller(Vector a, Vector b) { return a < b ? a : b; }
  static TG_INLINE Vector reciprocal(Vector x) { return 1.0f / x; }
};

}  // namespace

constinit const LayerCode portable_code = LayerKernels<Portable>::code("portable");

}  // namespace tidegauge::lstm
