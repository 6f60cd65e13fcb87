// What is decided about cuDNN without it: the algorithm, the pieces of a batch, the places of parameters.
#include "kernels/lstm/lstm_cudnn_rule.hpp"

#include <set>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

using lstm::CudnnLayerPlaces;

TEST(LstmCudnnRule, TheTable) {
  struct Row {
    int major;
    std::size_t hidden, look_back;
    LstmAlgorithm expected;
  };
  for (const Row& row : {Row{9, 64, 32, LstmAlgorithm::small_h}, Row{9, 128, 2, LstmAlgorithm::small_h},
                         Row{9, 129, 32, LstmAlgorithm::standard}, Row{9, 1000, 2, LstmAlgorithm::standard},
                         Row{9, 64, 1, LstmAlgorithm::standard}, Row{5, 64, 32, LstmAlgorithm::standard}}) {
    const LstmShape shape{.hidden = row.hidden, .look_back = row.look_back};
    EXPECT_EQ(lstm::choose_algorithm({}, shape, row.major), row.expected)
        << row.major << ".x, H " << row.hidden << ", T " << row.look_back;
    LstmOptions options{.begun_with = LstmAlgorithm::persist_static};
    EXPECT_EQ(lstm::choose_algorithm(options, shape, row.major), LstmAlgorithm::persist_static) << "begun with";
    options.algorithm = LstmAlgorithm::standard;
    EXPECT_EQ(lstm::choose_algorithm(options, shape, row.major), LstmAlgorithm::standard) << "asked for";
  }
}

TEST(LstmCudnnRule, WhatIsTriedLeavesTheTrapOut) {
  const auto tried = [](std::size_t hidden) {
    const auto all = lstm::algorithms_to_try({.hidden = hidden});
    return std::set(all.begin(), all.end());
  };
  EXPECT_TRUE(tried(192).contains(LstmAlgorithm::small_h));
  EXPECT_FALSE(tried(193).contains(LstmAlgorithm::small_h));
  EXPECT_TRUE(tried(64).contains(LstmAlgorithm::tile));
  EXPECT_FALSE(tried(65).contains(LstmAlgorithm::tile)) << "fits no card";
  for (const std::size_t hidden : {1, 192, 1000}) {
    EXPECT_TRUE(tried(hidden).contains(LstmAlgorithm::standard));
    EXPECT_FALSE(tried(hidden).contains(LstmAlgorithm::automatic));
  }
}

TEST(LstmCudnnRule, NamesOfAlgorithms) {
  for (const char* name : {"auto", "standard", "persist-static", "small-h", "tile"})
    EXPECT_EQ(algorithm_name(*algorithm_by_name(name)), name);
  EXPECT_EQ(algorithm_by_name("fast").error().kind, ErrorKind::usage);
}

TEST(LstmCudnnRule, BatchesAreCutEvenlyAtTheLimit) {
  EXPECT_EQ(lstm::windows_at_once(1, 4096), 1u);
  EXPECT_EQ(lstm::windows_at_once(4096, 4096), 4096u);
  EXPECT_EQ(lstm::windows_at_once(4097, 4096), 2049u);
  EXPECT_EQ(lstm::windows_at_once(3 * 4096, 4096), 4096u);
  EXPECT_EQ(lstm::windows_at_once(7, 1), 1u);
  EXPECT_EQ(lstm::windows_at_once(0, 4096), 0u);
}

/// The limits by hand: 2^31 elements of 4 * T * n * max(H, I), and half of the memory.
TEST(LstmCudnnRule, PiecesFollowFromTheShapeAndTheCardsMemory) {
  constexpr std::size_t gigabyte = 1'000'000'000;
  struct Row {
    LstmShape shape;
    std::size_t device_bytes, expected;
  };
  for (const Row& row : {
           Row{{.features = 4, .hidden = 64, .look_back = 32}, 80 * gigabyte, 4096},
           Row{{.features = 4, .hidden = 128, .look_back = 2016}, 800 * gigabyte, 2080},  // 2^31 / (4 * 2016 * 128) = 2080.5
           Row{{.features = 128, .hidden = 4, .look_back = 2016}, 800 * gigabyte, 2080},
           Row{{.features = 8, .hidden = 128, .look_back = 2016}, 8 * gigabyte, 321},  // 2016 * (8 + 256 + 1280) * 4 bytes each
           Row{{.features = 8, .hidden = 128, .layers = 2, .look_back = 2016}, 8 * gigabyte, 175},
           Row{{.features = 8, .hidden = 4096, .look_back = 60000}, gigabyte, 1},  // a call of one may still fit
       })
    EXPECT_EQ(lstm::most_windows(row.shape, row.device_bytes), row.expected)
        << "I " << row.shape.features << " H " << row.shape.hidden << " L " << row.shape.layers;
}

TEST(LstmCudnnRule, ShapesBeyondTheLibraryAreRefusedByName) {
  const auto refused = [](const LstmShape& shape) {
    const Status checked = lstm::check_cudnn_shape(shape);
    return checked ? "" : checked.error().where;
  };
  EXPECT_EQ(refused({.hidden = 23170, .look_back = 2}), "") << "4 * 23170^2 is 2^31 less 36,248";
  EXPECT_EQ(refused({.hidden = 23171, .look_back = 2}), "--hidden");
  EXPECT_EQ(refused({.features = 40000, .hidden = 20000, .look_back = 2}), "--hidden") << "the inputs' weights";
  EXPECT_EQ(refused({.hidden = 64, .look_back = 65535}), "");
  EXPECT_EQ(refused({.hidden = 64, .look_back = 65536}), "--look-back");
  EXPECT_EQ(refused({.hidden = 8191, .look_back = 65535}), "");
  EXPECT_EQ(refused({.hidden = 8193, .look_back = 65535}), "--look-back") << "a single window";
}

/// A weight space in which every matrix and bias lies somewhere else than in the flat vector, with gaps.
TEST(LstmCudnnRule, PlacesFollowGatesRowsAndColumns) {
  for (const LstmShape& shape : {LstmShape{.features = 3, .hidden = 2, .layers = 2, .look_back = 4},
                                 LstmShape{.features = 1, .hidden = 5, .layers = 1, .look_back = 2}}) {
    std::vector<CudnnLayerPlaces> layers(shape.layers);
    std::uint32_t next = 7;
    for (std::size_t l = shape.layers; l-- > 0;)
      for (std::size_t id = 8; id-- > 0;) {
        const std::size_t columns = id >= 4 || l > 0 ? shape.hidden : shape.features;
        layers[l].bias[id] = next;
        layers[l].matrix[id] = next + static_cast<std::uint32_t>(shape.hidden) + 1;
        next += static_cast<std::uint32_t>(shape.hidden * (columns + 1)) + 3;
      }
    const std::vector<std::uint32_t> places = lstm::cudnn_places(shape, layers);
    const auto tensors = lstm_tensors(shape);
    ASSERT_EQ(places.size(), tensors[3 * shape.layers].offset);
    EXPECT_EQ(std::set(places.begin(), places.end()).size(), places.size()) << "no two share a place";
    for (std::size_t l = 0; l < shape.layers; ++l)
      for (std::size_t gate = 0; gate < 4; ++gate)
        for (std::size_t unit = 0; unit < shape.hidden; ++unit) {
          const std::size_t row = gate * shape.hidden + unit;
          for (const bool recurrent : {false, true}) {
            const LstmTensor& tensor = tensors[3 * l + recurrent];
            const std::size_t columns = tensor.shape[1];
            for (std::size_t c = 0; c < columns; ++c)
              EXPECT_EQ(places[tensor.offset + row * columns + c],
                        layers[l].matrix[recurrent ? 4 + gate : gate] + unit * columns + c)
                  << tensor.name << " row " << row << " column " << c;
          }
          EXPECT_EQ(places[tensors[3 * l + 2].offset + row], layers[l].bias[gate] + unit);
        }
  }
}

}  // namespace
}  // namespace tidegauge
