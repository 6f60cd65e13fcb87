// The flat parameter vector: its parts and their first values; names of settings; what all devices ask of windows.
#include <cmath>
#include <numbers>

#include "kernels/core/contract.hpp"
#include "kernels/core/random.hpp"
#include "kernels/lstm/lstm.hpp"

namespace tidegauge {
namespace {

/// Streams of the generator, so that one tensor's size never shifts another's draws.
enum class Draw : std::uint64_t { input_weights, recurrent_weights, head };

RandomStream stream_for(std::uint64_t seed, Draw draw, std::size_t layer) {
  return {seed, random_bits(static_cast<std::uint64_t>(draw), layer, 0)};
}

void fill_glorot_uniform(std::span<float> out, std::size_t fan_in, std::size_t fan_out, RandomStream random) {
  const double limit = std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
  for (float& value : out) value = static_cast<float>(limit * (2 * random.unit() - 1));
}

double normal(RandomStream& random) {  // Box and Muller
  const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
  return radius * std::cos(2 * std::numbers::pi * random.unit());
}

/// Eight running sums, because the compiler may not reorder one.
double dot(const double* a, const double* b, std::size_t count) {
  double sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < count; ++i) sums[0] += a[i] * b[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// Normal draws [rows, columns] with their columns made orthonormal (Gram-Schmidt, modified form): the Q of a
/// QR decomposition whose R has a positive diagonal, as keras.initializers.Orthogonal of the transpose.
void fill_orthogonal(std::span<float> out, std::size_t rows, std::size_t columns, RandomStream random) {
  std::vector<double> by_column(rows * columns);
  for (double& value : by_column) value = normal(random);
  for (std::size_t c = 0; c < columns; ++c) {
    double* column = by_column.data() + c * rows;
    const double scale = 1 / std::sqrt(dot(column, column, rows));
    for (std::size_t r = 0; r < rows; ++r) column[r] *= scale;
    for (std::size_t next = c + 1; next < columns; ++next) {
      double* other = by_column.data() + next * rows;
      const double share = dot(column, other, rows);
      for (std::size_t r = 0; r < rows; ++r) other[r] -= share * column[r];
    }
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c)
      out[r * columns + c] = static_cast<float>(by_column[c * rows + r]);
  }
}

}  // namespace

std::vector<LstmTensor> lstm_tensors(const LstmShape& shape) {
  std::vector<LstmTensor> tensors;
  std::size_t offset = 0;
  const auto add = [&](std::string name, std::vector<std::size_t> sizes) {
    std::size_t size = 1;
    for (const std::size_t extent : sizes) size *= extent;
    tensors.push_back({std::move(name), std::move(sizes), offset, size});
    offset += size;
  };
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    const std::string suffix = "_l" + std::to_string(layer);
    const std::size_t inputs = layer == 0 ? shape.features : shape.hidden;
    add("weight_ih" + suffix, {4 * shape.hidden, inputs});
    add("weight_hh" + suffix, {4 * shape.hidden, shape.hidden});
    add("bias_ih" + suffix, {4 * shape.hidden});
  }
  add("head.weight", {shape.horizon, shape.hidden});
  add("head.bias", {shape.horizon});
  if (shape.skip) add("skip.weight", {shape.horizon, shape.look_back * shape.features});
  return tensors;
}

std::size_t lstm_parameter_count(const LstmShape& shape) {
  const LstmTensor last = lstm_tensors(shape).back();
  return last.offset + last.size;
}

std::vector<float> lstm_initial_parameters(const LstmShape& shape, std::uint64_t seed) {
  const std::vector<LstmTensor> tensors = lstm_tensors(shape);
  std::vector<float> flat(lstm_parameter_count(shape));
  const auto values = [&](std::size_t tensor) {
    return std::span(flat).subspan(tensors[tensor].offset, tensors[tensor].size);
  };
  const std::size_t hidden = shape.hidden;
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    const std::size_t inputs = layer == 0 ? shape.features : hidden;
    fill_glorot_uniform(values(3 * layer), inputs, 4 * hidden, stream_for(seed, Draw::input_weights, layer));
    fill_orthogonal(values(3 * layer + 1), 4 * hidden, hidden,
                    stream_for(seed, Draw::recurrent_weights, layer));
    for (float& bias : values(3 * layer + 2).subspan(hidden, hidden))
      bias = 1;  // the forget gate starts open
  }
  if (!shape.skip) {
    fill_glorot_uniform(values(3 * shape.layers), hidden, shape.horizon, stream_for(seed, Draw::head, 0));
  }
  return flat;
}

Expected<Loss> loss_by_name(std::string_view name) {
  if (name == "mse") return Loss::mse;
  if (name == "huber") return Loss::huber;
  if (name == "absolute") return Loss::absolute;
  return Error{"unknown loss '" + std::string(name) + "'", "", "mse, huber or absolute", ErrorKind::usage};
}

std::string_view algorithm_name(LstmAlgorithm algorithm) {
  switch (algorithm) {
    case LstmAlgorithm::standard: return "standard";
    case LstmAlgorithm::persist_static: return "persist-static";
    case LstmAlgorithm::small_h: return "small-h";
    case LstmAlgorithm::tile: return "tile";
    case LstmAlgorithm::automatic: break;
  }
  return "auto";
}

Expected<LstmAlgorithm> algorithm_by_name(std::string_view name) {
  for (const auto algorithm : {LstmAlgorithm::automatic, LstmAlgorithm::standard, LstmAlgorithm::persist_static,
                               LstmAlgorithm::small_h, LstmAlgorithm::tile})
    if (name == algorithm_name(algorithm)) return algorithm;
  return Error{"unknown LSTM algorithm '" + std::string(name) + "'", "",
               "auto, standard, persist-static, small-h or tile", ErrorKind::usage};
}

void require_windows_fit(const LstmShape& shape, const WindowBatch& windows, bool with_targets) {
  TG_REQUIRE(windows.feature_count == shape.features && windows.look_back == shape.look_back &&
                 windows.horizon == shape.horizon,
             "windows of another shape than the network's");
  const std::size_t points = windows.features.size() / shape.features;
  const std::size_t after = with_targets ? shape.horizon : 0;
  for (const std::uint32_t start : windows.starts)
    TG_REQUIRE(start + shape.look_back + after <= points, "a window reaches beyond the series");
  TG_REQUIRE(!with_targets || windows.targets.size() >= points, "no target for some point");
}

}  // namespace tidegauge
