#include "kernels/lstm/lstm_pack.hpp"

#include <algorithm>

namespace tidegauge::lstm {
namespace {

constexpr std::size_t kLine = 16;  // floats of a cache line

std::size_t whole_lines(std::size_t floats) { return (floats + kLine - 1) / kLine * kLine; }

/// Calls copy(flat index, packed index, count, stride) for runs of one gate's row: `count` consecutive flat
/// weights go to every `stride`-th packed place. In strips of one cache line, so that the lines written stay
/// in cache until each unit has filled its lane.
template <class Copy>
void for_each_run(const PackPlan& plan, const LayerPlan& layer, std::size_t block, const Copy& copy) {
  const std::size_t lanes = plan.lanes, units = std::min(lanes, layer.hidden - block * lanes);
  const auto part = [&](std::size_t flat, std::size_t packed, std::size_t sources) {
    for (std::size_t k = 0; k < sources; k += kLine) {
      const std::size_t count = std::min(kLine, sources - k);
      for (std::size_t gate = 0; gate < 4; ++gate) {
        for (std::size_t unit = 0; unit < units; ++unit) {
          const std::size_t row = gate * layer.hidden + block * lanes + unit;
          copy(flat + row * sources + k, packed + k * 4 * lanes + gate * lanes + unit, count, 4 * lanes);
        }
      }
    }
  };
  const std::size_t panel = layer.panels + block * (layer.inputs + layer.hidden) * 4 * lanes;
  part(layer.flat_input, panel, layer.inputs);
  part(layer.flat_hidden, panel + layer.inputs * 4 * lanes, layer.hidden);
  const std::size_t bias = layer.bias + block * 4 * lanes;
  for (std::size_t gate = 0; gate < 4; ++gate) {
    copy(layer.flat_bias + gate * layer.hidden + block * lanes, bias + gate * lanes, units, 1);
  }
}

}  // namespace

PackPlan::PackPlan(const LstmShape& shape, const LayerCode& code)
    : lanes(code.lanes), back_columns(code.back_columns) {
  const std::vector<LstmTensor> tensors = lstm_tensors(shape);
  packed_size = back_size = 0;
  for (std::size_t l = 0; l < shape.layers; ++l) {
    LayerPlan layer{};
    layer.inputs = l == 0 ? shape.features : shape.hidden;
    layer.hidden = shape.hidden;
    layer.blocks = (shape.hidden + lanes - 1) / lanes;
    layer.has_back_input = l > 0;
    layer.flat_input = tensors[3 * l].offset;
    layer.flat_hidden = tensors[3 * l + 1].offset;
    layer.flat_bias = tensors[3 * l + 2].offset;
    const std::size_t gates = layer.blocks * 4 * lanes;
    layer.panels = packed_size;
    layer.bias = layer.panels + gates * (layer.inputs + layer.hidden);
    packed_size = whole_lines(layer.bias + gates);
    layer.back_hidden = back_size;
    layer.back_input = back_size + gates * layer.blocks * lanes;
    back_size = layer.back_input + (layer.has_back_input ? gates * layer.blocks * lanes : 0);
    layers.push_back(layer);
  }
  flat_head = tensors[3 * shape.layers].offset;
  flat_head_bias = tensors[3 * shape.layers + 1].offset;
  flat_size = tensors.back().offset + tensors.back().size;
  flat_skip = shape.skip ? tensors.back().offset : flat_size;
}

std::size_t PackPlan::gradient_size() const { return whole_lines(packed_size + tail()); }

void pack_block(float* packed, std::span<const float> flat, const PackPlan& plan, const LayerPlan& layer,
                std::size_t block) {
  for_each_run(plan, layer, block,
               [&](std::size_t from, std::size_t to, std::size_t count, std::size_t stride) {
                 for (std::size_t i = 0; i < count; ++i) packed[to + i * stride] = flat[from + i];
               });
}

void unpack_block(std::span<float> flat, const float* packed, const PackPlan& plan, const LayerPlan& layer,
                  std::size_t block) {
  for_each_run(plan, layer, block,
               [&](std::size_t to, std::size_t from, std::size_t count, std::size_t stride) {
                 for (std::size_t i = 0; i < count; ++i) flat[to + i] = packed[from + i * stride];
               });
}

void pack_back_block(float* back, std::span<const float> flat, const PackPlan& plan, const LayerPlan& layer,
                     std::size_t block) {
  const std::size_t lanes = plan.lanes, units = std::min(lanes, layer.hidden - block * lanes);
  const std::size_t gates = layer.blocks * 4 * lanes;
  const auto part = [&](std::size_t weights, std::size_t out, std::size_t sources) {
    for (std::size_t first = 0; first < sources; first += plan.back_columns) {
      const std::size_t columns = std::min(plan.back_columns, sources - first);
      const std::size_t width = std::min(plan.back_columns, layer.blocks * lanes - first);
      for (std::size_t gate = 0; gate < 4; ++gate) {
        for (std::size_t unit = 0; unit < units; ++unit) {
          const std::size_t row = gate * layer.hidden + block * lanes + unit;
          const float* from = flat.data() + weights + row * sources + first;
          std::copy_n(from, columns,
                      back + out + first * gates + ((block * 4 + gate) * lanes + unit) * width);
        }
      }
    }
  };
  part(layer.flat_hidden, layer.back_hidden, layer.hidden);
  if (layer.has_back_input) part(layer.flat_input, layer.back_input, layer.inputs);
}

}  // namespace tidegauge::lstm
