// The arithmetic of lstm_tile.hpp as templates over an instruction set, which each of the three files that
// include this header defines in an unnamed namespace. Everything here depends on that type, so nothing that
// was compiled with AVX-512 can be linked into code that runs elsewhere. Only plain pointers and vector types
// are used for that reason.
//
// Problem: a step is a product [rows, K] x [K, 4H] with small K, then five transcendental functions per unit.
// A library product writes the gates out and reads them back, and never sees that the next step uses the same
// weights. Model: a block of R rows x 4 gates x `lanes` units accumulates in R * 4 registers, one broadcast
// and four loads for every 4 fused multiply-adds a row; then i, f, g, o of the same unit sit in four
// registers and the cell is finished there. The backward products use the same block shape. Cost: at H = 64
// with 16 lanes 136 cycles of products and about 50 of the cell a row, forward, at two FMAs a cycle. GCC 12
// needs every small loop over the accumulators marked for unrolling, or it spills them (a third of the
// speed).
#pragma once

#include "kernels/core/host_device.hpp"
#include "kernels/lstm/lstm_tile.hpp"

#define TG_UNROLL _Pragma("GCC unroll 16")

namespace tidegauge::lstm {

/// @tparam Isa gives: Vector and Bits (float and int32 vectors), lanes, fma(a, b, c) = a * b + c,
/// reciprocal(x),
///   larger(a, b) and smaller(a, b), which return b where it is not a number, rows<vectors> (rows of an
///   accumulator block of that width) and back_vectors (width of a back panel).
template <class Isa>
struct LayerKernels {
  using Vector = typename Isa::Vector;
  using Bits = typename Isa::Bits;
  static constexpr std::size_t kLanes = Isa::lanes;
  static constexpr std::size_t kGates = 4 * kLanes;   ///< floats of a block's four gates
  static constexpr std::size_t kRecord = 6 * kLanes;  ///< floats of a row and block on the tape

  // ---- vectors ----

  static TG_INLINE Vector load(const float* p) {
    struct __attribute__((packed, may_alias)) Unaligned {
      Vector v;
    };
    return reinterpret_cast<const Unaligned*>(p)->v;
  }
  static TG_INLINE void store(float* p, Vector v) {
    struct __attribute__((packed, may_alias)) Unaligned {
      Vector v;
    };
    reinterpret_cast<Unaligned*>(p)->v = v;
  }
  static TG_INLINE Vector all(float x) { return x - Vector{}; }

  /// exp(x) = scale * (1 + rest), scale a power of two; |x| is cut to 87, NaN stays NaN. With x = n ln 2 + r,
  /// scale is 2^n made from the exponent's bits and rest is exp(r) - 1 as a polynomial (Taylor to r^6: |r| <=
  /// 0.347, so what is left out is below 2^-27), which keeps its relative precision for small x.
  static TG_INLINE void split_exp(Vector x, Vector& scale, Vector& rest) {
    x = Isa::smaller(all(87.0f), Isa::larger(all(-87.0f), x));
    const Vector shift =
        all(12582912.0f);  // 1.5 * 2^23: adding it leaves the rounded integer in the low bits
    const Vector shifted = Isa::fma(x, all(1.44269504088896341f), shift);
    const Vector n = shifted - shift;
    Vector r = Isa::fma(n, all(-0.693145751953125f), x);  // ln 2 in two parts, the first with zeros behind
    r = Isa::fma(n, all(-1.42860682030941723e-6f), r);
    Vector p = all(1.0f / 720);
    p = Isa::fma(p, r, all(1.0f / 120));
    p = Isa::fma(p, r, all(1.0f / 24));
    p = Isa::fma(p, r, all(1.0f / 6));
    p = Isa::fma(p, r, all(0.5f));
    p = Isa::fma(p, r, all(1.0f));
    rest = p * r;
    scale = reinterpret_cast<Vector>((reinterpret_cast<Bits>(shifted) << 23) + 0x3f800000);
  }

  static TG_INLINE Vector sigmoid(Vector x) {
    Vector scale, rest;
    split_exp(-x, scale, rest);
    return Isa::reciprocal(all(1.0f) + Isa::fma(scale, rest, scale));
  }

  /// tanh(x) = (exp(2x) - 1) / (exp(2x) + 1).
  static TG_INLINE Vector tanh(Vector x) {
    Vector scale, rest;
    split_exp(x + x, scale, rest);
    const Vector less_one = Isa::fma(scale, rest, scale - all(1.0f));
    return less_one * Isa::reciprocal(less_one + all(2.0f));
  }

  // ---- products ----

  /// sum[r][v] += a[r * a_row + k * a_k] * b[k * b_k + v * lanes] over k < count.
  template <int R, int N>
  static TG_INLINE void multiply(Vector (&sum)[R][N], const float* a, std::size_t a_row, std::size_t a_k,
                                 const float* b, std::size_t b_k, std::size_t count) {
    for (std::size_t k = 0; k < count; ++k, a += a_k, b += b_k) {
      Vector right[N];
      TG_UNROLL for (int v = 0; v < N; ++v) right[v] = load(b + v * kLanes);
      TG_UNROLL for (int r = 0; r < R; ++r) {
        const Vector left = all(a[r * a_row]);
        TG_UNROLL for (int v = 0; v < N; ++v) sum[r][v] = Isa::fma(left, right[v], sum[r][v]);
      }
    }
  }

  /// Calls work<R>(first row) for groups of R rows, the rest in smaller groups.
  template <int R, class Work>
  static TG_INLINE void in_groups(std::size_t first, std::size_t end, const Work& work) {
    for (; first + R <= end; first += R) work.template operator()<R>(first);
    if constexpr (R > 8)
      in_groups<R / 2>(first, end, work);
    else if constexpr (R > 2)
      in_groups<R - 2>(first, end, work);
    else if constexpr (R > 1)
      in_groups<1>(first, end, work);
  }

  // ---- forward ----

  static TG_INLINE std::size_t blocks(const LayerTile& tile) { return (tile.hidden + kLanes - 1) / kLanes; }

  static TG_INLINE float* record(const LayerTile& tile, std::size_t step, std::size_t block,
                                 std::size_t row) {
    return tile.tape + ((step * blocks(tile) + block) * tile.rows + row) * kRecord;
  }
  static TG_INLINE float* output(const LayerTile& tile, std::size_t step) {
    return tile.h + (step % tile.h_slots) * tile.rows * tile.h_row;
  }

  /// Rows [row, row + R) of one block of units at one step: gates, cell, output.
  template <int R, bool KeepTape>
  static void cell(const LayerTile& tile, std::size_t step, std::size_t block, std::size_t row) {
    Vector gates[R][4];
    const float* bias = tile.bias + block * kGates;
    TG_UNROLL for (int r = 0; r < R; ++r) {
      TG_UNROLL for (int g = 0; g < 4; ++g) gates[r][g] = load(bias + g * kLanes);
    }
    const float* panel = tile.panels + block * (tile.inputs + tile.hidden) * kGates;
    multiply<R, 4>(gates, tile.x + (step * tile.rows + row) * tile.x_row, tile.x_row, 1, panel, kGates,
                   tile.inputs);
    if (step > 0) {  // h before the first step is zero
      multiply<R, 4>(gates, output(tile, step - 1) + row * tile.h_row, tile.h_row, 1,
                     panel + tile.inputs * kGates, kGates, tile.hidden);
    }
    // Two passes over the rows: tanh(c) waits for the whole chain of its row, and the next rows' gates behind it
    // would not fit the processor's window (9 % of inference at H = 64).
    Vector o[R], c[R];
    TG_UNROLL for (int r = 0; r < R; ++r) {
      const Vector i = sigmoid(gates[r][0]), f = sigmoid(gates[r][1]), g = tanh(gates[r][2]);
      o[r] = sigmoid(gates[r][3]);
      float* kept = KeepTape ? record(tile, step, block, row + r) : nullptr;
      float* state = KeepTape ? kept + 5 * kLanes : tile.tape + (block * tile.rows + row + r) * kLanes;
      c[r] = i * g;
      if (step > 0) {
        const float* before = KeepTape ? record(tile, step - 1, block, row + r) + 5 * kLanes : state;
        c[r] = Isa::fma(f, load(before), c[r]);
      }
      if constexpr (KeepTape) {
        store(kept, i);
        store(kept + kLanes, f);
        store(kept + 2 * kLanes, g);
        store(kept + 3 * kLanes, o[r]);
      }
      store(state, c[r]);
    }
    float* out = output(tile, step) + row * tile.h_row + block * kLanes;
    TG_UNROLL for (int r = 0; r < R; ++r) {
      const Vector squashed = tanh(c[r]);
      if constexpr (KeepTape) store(record(tile, step, block, row + r) + 4 * kLanes, squashed);
      store(out + r * tile.h_row, o[r] * squashed);
    }
  }

  template <bool KeepTape>
  static void run_forward(const LayerTile& tile) {
    for (std::size_t step = 0; step < tile.steps; ++step) {
      for (std::size_t block = 0; block < blocks(tile); ++block) {
        in_groups<Isa::template rows<4>>(
            0, tile.rows, [&]<int R>(std::size_t row) { cell<R, KeepTape>(tile, step, block, row); });
      }
    }
  }

  // ---- backward ----

  /// Where the gate gradients of a step lie: the rows of a chunk's steps follow each other.
  struct Chunk {
    float* dgates;
    std::size_t first_step, rows;
    TG_INLINE float* at(std::size_t block, std::size_t row) const {
      return dgates + (block * rows + row) * kGates;
    }
  };

  /// Gate gradients of one step from dh and dc; dc becomes that of the step before; the bias gradient grows.
  static void gate_gradients(const LayerTile& tile, const LayerGradient& grad, const Chunk& chunk,
                             std::size_t step, const float* dh) {
    const Vector one = all(1.0f);
    for (std::size_t block = 0; block < blocks(tile); ++block) {
      Vector sum[4];
      TG_UNROLL for (int g = 0; g < 4; ++g) sum[g] = load(grad.bias + block * kGates + g * kLanes);
      for (std::size_t row = 0; row < tile.rows; ++row) {
        const float* kept = record(tile, step, block, row);
        const Vector i = load(kept), f = load(kept + kLanes), g = load(kept + 2 * kLanes),
                     o = load(kept + 3 * kLanes), squashed = load(kept + 4 * kLanes);
        const Vector before = step > 0 ? load(record(tile, step - 1, block, row) + 5 * kLanes) : Vector{};
        float* carried = grad.dc + (block * tile.rows + row) * kLanes;
        const Vector dh_row = load(dh + row * tile.h_row + block * kLanes);
        const Vector dc =
            Isa::fma(dh_row * o, one - squashed * squashed, step + 1 < tile.steps ? load(carried) : Vector{});
        store(carried, dc * f);
        const Vector gradient[4] = {dc * g * (i * (one - i)), dc * before * (f * (one - f)),
                                    dc * i * (one - g * g), dh_row * squashed * (o * (one - o))};
        float* out = chunk.at(block, (step - chunk.first_step) * tile.rows + row);
        TG_UNROLL for (int v = 0; v < 4; ++v) {
          store(out + v * kLanes, gradient[v]);
          sum[v] += gradient[v];
        }
      }
      TG_UNROLL for (int g = 0; g < 4; ++g) store(grad.bias + block * kGates + g * kLanes, sum[g]);
    }
  }

  /// out[row][column..] (+)= gate gradients of one block times the back panel's part for that block.
  template <int R, int N>
  static void back_block(float* out, std::size_t out_row, const float* dgates, const float* panel, bool add) {
    Vector sum[R][N];
    TG_UNROLL for (int r = 0; r < R; ++r) {
      TG_UNROLL for (int v = 0; v < N; ++v) sum[r][v] = add ? load(out + r * out_row + v * kLanes) : Vector{};
    }
    multiply<R, N>(sum, dgates, kGates, 1, panel, N * kLanes, kGates);
    TG_UNROLL for (int r = 0; r < R; ++r) {
      TG_UNROLL for (int v = 0; v < N; ++v) store(out + r * out_row + v * kLanes, sum[r][v]);
    }
  }

  template <int N>
  static void back_panel(const LayerTile& tile, float* out, const Chunk& chunk, std::size_t step,
                         const float* panel, bool add) {
    for (std::size_t block = 0; block < blocks(tile); ++block) {
      const float* dgates = chunk.at(block, (step - chunk.first_step) * tile.rows);
      in_groups<Isa::template rows<N>>(0, tile.rows, [&]<int R>(std::size_t row) {
        back_block<R, N>(out + row * tile.h_row, tile.h_row, dgates + row * kGates,
                         panel + block * kGates * N * kLanes, add || block > 0);
      });
    }
  }

  /// out[rows][columns] (+)= gate gradients of one step times the weights.
  static void back_product(const LayerTile& tile, float* out, const Chunk& chunk, std::size_t step,
                           const float* back, std::size_t columns, bool add) {
    std::size_t vectors = (columns + kLanes - 1) / kLanes;
    while (vectors > 0) {
      const std::size_t width = vectors < Isa::back_vectors ? vectors : Isa::back_vectors;
      if (width == 4) back_panel<4>(tile, out, chunk, step, back, add);
      if (width == 3) back_panel<3>(tile, out, chunk, step, back, add);
      if (width == 2) back_panel<2>(tile, out, chunk, step, back, add);
      if (width == 1) back_panel<1>(tile, out, chunk, step, back, add);
      back += blocks(tile) * kGates * width * kLanes;
      out += width * kLanes;
      vectors -= width;
    }
  }

  /// R sources of one block: gradient[source][4][lanes] += sum over rows of source * gate gradient.
  template <int R>
  static void weight_block(float* gradient, const float* source, std::size_t source_row, const float* dgates,
                           std::size_t rows) {
    Vector sum[R][4];
    TG_UNROLL for (int r = 0; r < R; ++r) {
      TG_UNROLL for (int g = 0; g < 4; ++g) sum[r][g] = load(gradient + r * kGates + g * kLanes);
    }
    multiply<R, 4>(sum, source, 1, source_row, dgates, kGates, rows);
    TG_UNROLL for (int r = 0; r < R; ++r) {
      TG_UNROLL for (int g = 0; g < 4; ++g) store(gradient + r * kGates + g * kLanes, sum[r][g]);
    }
  }

  /// Adds the weights' gradient of a chunk of steps.
  static void weight_gradients(const LayerTile& tile, const LayerGradient& grad, const Chunk& chunk) {
    const float* x = tile.x + chunk.first_step * tile.rows * tile.x_row;
    // The step before the chunk's first fed it; step 0 has none, and its rows are left out.
    const std::size_t skipped = chunk.first_step == 0 ? tile.rows : 0;
    const float* h = chunk.first_step == 0 ? tile.h : output(tile, chunk.first_step - 1);
    for (std::size_t block = 0; block < blocks(tile); ++block) {
      float* gradient = grad.panels + block * (tile.inputs + tile.hidden) * kGates;
      in_groups<Isa::template rows<4>>(0, tile.inputs, [&]<int R>(std::size_t k) {
        weight_block<R>(gradient + k * kGates, x + k, tile.x_row, chunk.at(block, 0), chunk.rows);
      });
      gradient += tile.inputs * kGates;
      in_groups<Isa::template rows<4>>(0, tile.hidden, [&]<int R>(std::size_t k) {
        weight_block<R>(gradient + k * kGates, h + k, tile.h_row, chunk.at(block, skipped),
                        chunk.rows - skipped);
      });
    }
  }

  static void run_backward(const LayerTile& tile, const LayerGradient& grad) {
    for (std::size_t end = tile.steps; end > 0;) {
      const std::size_t first = end > grad.chunk_steps ? end - grad.chunk_steps : 0;
      const Chunk chunk{grad.dgates, first, (end - first) * tile.rows};
      for (std::size_t step = end; step-- > first;) {
        const std::size_t slice = tile.rows * tile.h_row;
        float* dh = grad.dh + (grad.dh_each_step ? step * slice : 0);
        gate_gradients(tile, grad, chunk, step, dh);
        if (grad.dx)
          back_product(tile, grad.dx + step * slice, chunk, step, grad.back_input, tile.inputs, false);
        if (step == 0) continue;
        float* before = grad.dh_each_step ? dh - slice : dh;
        back_product(tile, before, chunk, step, grad.back_hidden, tile.hidden, grad.dh_each_step);
      }
      weight_gradients(tile, grad, chunk);
      end = first;
    }
  }

  static constexpr LayerCode code(const char* name) {
    return {name, kLanes, Isa::back_vectors * kLanes, &run_forward<true>, &run_forward<false>, &run_backward};
  }
};

}  // namespace tidegauge::lstm
