// The network of kernels/lstm/lstm.hpp written down as its definition reads, one window and one unit at a
// time, in any scalar type: forward, loss, and the gradient by the chain rule through time. Slow on purpose;
// shares no arithmetic with the kernels.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/lstm/lstm.hpp"

namespace tidegauge::oracle {

inline std::uint64_t mixed(std::uint64_t x) {  // SplitMix64's finaliser
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

template <class Scalar>
class Lstm {
 public:
  using Row = std::vector<Scalar>;

  template <class Float>
  Lstm(const LstmShape& shape, const std::vector<Float>& flat)
      : shape_(shape), tensors_(lstm_tensors(shape)), flat_(flat.begin(), flat.end()) {}

  std::vector<Scalar>& flat() { return flat_; }

  /// [windows][horizon]
  Row predict(const WindowBatch& windows) const {
    Row out;
    for (std::size_t w = 0; w < windows.size(); ++w) {
      const Pass pass = forward(windows, w, nullptr, 0);
      out.insert(out.end(), pass.output.begin(), pass.output.end());
    }
    return out;
  }

  Scalar loss(const WindowBatch& windows, const LossSettings& settings, std::uint64_t step) const {
    Scalar sum = 0;
    for (std::size_t w = 0; w < windows.size(); ++w) {
      const Pass pass = forward(windows, w, &settings, step);
      for (std::size_t o = 0; o < shape_.horizon; ++o)
        sum += one_loss(pass.output[o] - target(windows, w, o), settings);
    }
    return windows.size() ? sum / static_cast<Scalar>(windows.size() * shape_.horizon) : sum;
  }

  Row gradient(const WindowBatch& windows, const LossSettings& settings, std::uint64_t step) const {
    Row out(flat_.size());
    for (std::size_t w = 0; w < windows.size(); ++w) {
      const Pass pass = forward(windows, w, &settings, step);
      Row slopes(shape_.horizon);
      for (std::size_t o = 0; o < shape_.horizon; ++o) {
        slopes[o] = one_slope(pass.output[o] - target(windows, w, o), settings) /
                    static_cast<Scalar>(windows.size() * shape_.horizon);
      }
      backward(out, windows, w, pass, slopes);
    }
    return out;
  }

 private:
  struct Step {
    Row input, before, c_before, i, f, g, o, c, h, factor;  ///< factor: what dropout multiplies h with
  };
  struct Pass {
    std::vector<std::vector<Step>> steps;  ///< [layer][step]
    Row output;
  };

  static Scalar sigmoid(Scalar x) { return 1 / (1 + std::exp(-x)); }
  static Scalar target(const WindowBatch& windows, std::size_t w, std::size_t o) {
    return static_cast<Scalar>(windows.target(w)[o]);
  }
  static Scalar one_loss(Scalar e, const LossSettings& s) {
    const Scalar size = std::abs(e), delta = static_cast<Scalar>(s.huber_delta);
    if (s.kind == Loss::mse) return e * e;
    if (s.kind == Loss::absolute) return size;
    return size <= delta ? e * e / 2 : delta * (size - delta / 2);
  }
  static Scalar one_slope(Scalar e, const LossSettings& s) {
    const Scalar sign = e > 0 ? Scalar{1} : e < 0 ? Scalar{-1} : Scalar{0};
    if (s.kind == Loss::mse) return 2 * e;
    if (s.kind == Loss::absolute) return sign;
    return std::abs(e) <= static_cast<Scalar>(s.huber_delta) ? e : static_cast<Scalar>(s.huber_delta) * sign;
  }

  std::size_t at(std::string_view name) const {
    for (const LstmTensor& tensor : tensors_) {
      if (tensor.name == name) return tensor.offset;
    }
    return 0;
  }
  std::size_t at(std::string_view name, std::size_t layer) const {
    return at(std::string(name) + std::to_string(layer));
  }

  Row dropout_factors(const LossSettings& s, std::uint64_t optimizer_step, std::size_t layer,
                      std::size_t window, std::size_t t) const {
    Row factors(shape_.hidden, Scalar{1});
    if (s.dropout == 0 || layer + 1 == shape_.layers) return factors;
    const std::uint64_t key = mixed(mixed(mixed(s.dropout_seed) ^ optimizer_step) ^ layer);
    for (std::size_t u = 0; u < shape_.hidden; ++u) {
      const std::uint64_t place = (window * shape_.look_back + t) * ((shape_.hidden + 1) / 2) + u / 2;
      const std::uint64_t draw = mixed(key ^ mixed(place)) >> (u % 2 ? 32 : 0) & 0xffffffffu;
      const bool dropped = draw < static_cast<std::uint64_t>(s.dropout * 4294967296.0);
      factors[u] = dropped ? Scalar{0} : static_cast<Scalar>(static_cast<float>(1 / (1 - s.dropout)));
    }
    return factors;
  }

  Pass forward(const WindowBatch& windows, std::size_t w, const LossSettings* settings,
               std::uint64_t step) const {
    const std::size_t hidden = shape_.hidden;
    Pass pass;
    pass.steps.assign(shape_.layers, std::vector<Step>(shape_.look_back));
    for (std::size_t layer = 0; layer < shape_.layers; ++layer) {
      const std::size_t ih = at("weight_ih_l", layer), hh = at("weight_hh_l", layer),
                        bias = at("bias_ih_l", layer);
      Row h(hidden), c(hidden);
      for (std::size_t t = 0; t < shape_.look_back; ++t) {
        Step& s = pass.steps[layer][t];
        if (layer == 0) {
          const float* x = windows.input(w) + t * shape_.features;
          s.input.assign(x, x + shape_.features);
        } else {
          s.input = pass.steps[layer - 1][t].h;
          for (std::size_t u = 0; u < hidden; ++u) s.input[u] *= pass.steps[layer - 1][t].factor[u];
        }
        s.before = h;
        s.c_before = c;
        const auto gate = [&](std::size_t g, std::size_t u) {
          const std::size_t row = g * hidden + u;
          Scalar sum = flat_[bias + row];
          for (std::size_t k = 0; k < s.input.size(); ++k)
            sum += flat_[ih + row * s.input.size() + k] * s.input[k];
          for (std::size_t k = 0; k < hidden; ++k) sum += flat_[hh + row * hidden + k] * s.before[k];
          return sum;
        };
        for (std::size_t u = 0; u < hidden; ++u) {
          s.i.push_back(sigmoid(gate(0, u)));
          s.f.push_back(sigmoid(gate(1, u)));
          s.g.push_back(std::tanh(gate(2, u)));
          s.o.push_back(sigmoid(gate(3, u)));
          c[u] = s.f[u] * c[u] + s.i[u] * s.g[u];
          h[u] = s.o[u] * std::tanh(c[u]);
        }
        s.c = c;
        s.h = h;
        s.factor = settings ? dropout_factors(*settings, step, layer, w, t) : Row(hidden, Scalar{1});
      }
    }
    const Row& last = pass.steps.back().back().h;
    const std::size_t seen = shape_.look_back * shape_.features;
    const std::size_t head = at("head.weight"), head_bias = at("head.bias"), skip = at("skip.weight");
    for (std::size_t o = 0; o < shape_.horizon; ++o) {
      Scalar y = flat_[head_bias + o];
      for (std::size_t u = 0; u < hidden; ++u) y += flat_[head + o * hidden + u] * last[u];
      for (std::size_t k = 0; shape_.skip && k < seen; ++k) {
        y += flat_[skip + o * seen + k] * static_cast<Scalar>(windows.input(w)[k]);
      }
      pass.output.push_back(y);
    }
    return pass;
  }

  void backward(Row& out, const WindowBatch& windows, std::size_t w, const Pass& pass,
                const Row& slopes) const {
    const std::size_t hidden = shape_.hidden, seen = shape_.look_back * shape_.features;
    const std::size_t head = at("head.weight"), head_bias = at("head.bias"), skip = at("skip.weight");
    std::vector<Row> dh_above(shape_.look_back, Row(hidden));
    for (std::size_t o = 0; o < shape_.horizon; ++o) {
      out[head_bias + o] += slopes[o];
      for (std::size_t u = 0; u < hidden; ++u) {
        out[head + o * hidden + u] += slopes[o] * pass.steps.back().back().h[u];
        dh_above.back()[u] += slopes[o] * flat_[head + o * hidden + u];
      }
      for (std::size_t k = 0; shape_.skip && k < seen; ++k) {
        out[skip + o * seen + k] += slopes[o] * static_cast<Scalar>(windows.input(w)[k]);
      }
    }
    for (std::size_t layer = shape_.layers; layer-- > 0;) {
      const std::size_t ih = at("weight_ih_l", layer), hh = at("weight_hh_l", layer),
                        bias = at("bias_ih_l", layer);
      std::vector<Row> dx(shape_.look_back);
      Row dh_next(hidden), dc_next(hidden);
      for (std::size_t t = shape_.look_back; t-- > 0;) {
        const Step& s = pass.steps[layer][t];
        dx[t].assign(s.input.size(), Scalar{0});
        Row dh_before(hidden), dc_before(hidden);
        for (std::size_t u = 0; u < hidden; ++u) {
          const Scalar dh = dh_above[t][u] + dh_next[u], squashed = std::tanh(s.c[u]);
          const Scalar dc = dc_next[u] + dh * s.o[u] * (1 - squashed * squashed);
          dc_before[u] = dc * s.f[u];
          const Scalar gates[4] = {
              dc * s.g[u] * s.i[u] * (1 - s.i[u]), dc * s.c_before[u] * s.f[u] * (1 - s.f[u]),
              dc * s.i[u] * (1 - s.g[u] * s.g[u]), dh * squashed * s.o[u] * (1 - s.o[u])};
          for (std::size_t g = 0; g < 4; ++g) {
            const std::size_t row = g * hidden + u;
            out[bias + row] += gates[g];
            for (std::size_t k = 0; k < s.input.size(); ++k) {
              out[ih + row * s.input.size() + k] += gates[g] * s.input[k];
              dx[t][k] += gates[g] * flat_[ih + row * s.input.size() + k];
            }
            for (std::size_t k = 0; k < hidden; ++k) {
              out[hh + row * hidden + k] += gates[g] * s.before[k];
              dh_before[k] += gates[g] * flat_[hh + row * hidden + k];
            }
          }
        }
        dh_next = dh_before;
        dc_next = dc_before;
      }
      for (std::size_t t = 0; layer > 0 && t < shape_.look_back; ++t) {
        dh_above[t] = dx[t];
        for (std::size_t u = 0; u < hidden; ++u) dh_above[t][u] *= pass.steps[layer - 1][t].factor[u];
      }
    }
  }

  LstmShape shape_;
  std::vector<LstmTensor> tensors_;
  Row flat_;
};

}  // namespace tidegauge::oracle
