// The bodies of our own LSTM kernels under the host's emulation of a GPU, against the oracle in double.
#include <cmath>

#include "kernels/lstm/lstm_batch_kernel.hpp"
#include "tests/kernel_on_host/fiber_block.hpp"
#include "tests/kernel_on_host/thread_block.hpp"
#include "tests/kernels/lstm_cases.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::distance;
using test::kAbsolute;
using test::kDropout;
using test::kHuber;
using test::kMse;
using test::LstmCase;
using test::shape_of;
using tile::Batch;
using tile::TilePlan;

constexpr std::uint32_t step_threads = 64;

Batch batch_of(const test::Series& series) {
  return {series.features.data(), series.targets.data(), series.starts.data(),
          static_cast<std::uint32_t>(series.starts.size())};
}

/// Scratch as a card hands it out: whatever was there before. 16-byte aligned.
std::vector<tile::FourRows> scratch_of(const TilePlan& plan, std::uint32_t blocks) {
  return std::vector<tile::FourRows>(blocks * plan.scratch_floats() / 4 + 1, {{NAN, NAN, NAN, NAN}});
}

/// What lstm_tile_cuda.cu does, on `run(blocks, threads, shared bytes, body)`.
template <class Run>
class OnHost {
 public:
  OnHost(const LstmShape& shape, std::vector<float> parameters, Run run)
      : plan_(shape), parameters_(std::move(parameters)), run_(std::move(run)) {}

  std::vector<float> predict(const test::Series& series, std::uint32_t blocks) {
    std::vector<float> out(series.starts.size() * plan_.horizon, NAN);
    auto scratch = scratch_of(plan_, blocks);
    run_(blocks, plan_.threads(), plan_.shared_bytes(false), [&](auto& context) {
      tile::predict_kernel(context, out.data(), scratch[0].v, plan_, batch_of(series), parameters_.data());
    });
    return out;
  }

  /// @return the gradient and the mean loss.
  std::pair<std::vector<float>, double> gradient(const test::Series& series, const LossSettings& loss,
                                                 std::uint64_t step, std::uint32_t blocks) {
    const std::uint32_t count = plan_.parameters();
    auto scratch = scratch_of(plan_, blocks);
    std::vector<float> parts(std::size_t{blocks} * count, NAN), out(count, NAN);
    std::vector<double> losses(blocks, NAN);
    double mean = NAN;
    run_(blocks, plan_.threads(), plan_.shared_bytes(true), [&](auto& context) {
      tile::gradient_kernel(context, parts.data(), losses.data(), scratch[0].v, plan_, batch_of(series),
                            parameters_.data(), loss, step);
    });
    squares_.assign((count + step_threads - 1) / step_threads, NAN);
    run_(static_cast<std::uint32_t>(squares_.size()), step_threads, step_threads * sizeof(double),
         [&](auto& context) {
           tile::reduce_kernel(context, out.data(), squares_.data(), &mean, parts.data(), losses.data(),
                               blocks, count, series.starts.size() * plan_.horizon);
         });
    return {out, mean};
  }

  void step(const std::vector<float>& gradient, std::vector<float>& m, std::vector<float>& v,
            const OptimizerSettings& settings, std::uint64_t steps) {
    run_(static_cast<std::uint32_t>(squares_.size()), step_threads, step_threads * sizeof(double),
         [&](auto& context) {
           tile::step_kernel(context, {parameters_.data(), m.data(), v.data()}, gradient.data(),
                             squares_.data(), plan_.parameters(), tile::step_constants(settings, steps));
         });
  }
  const std::vector<float>& parameters() const { return parameters_; }

 private:
  const TilePlan plan_;
  std::vector<float> parameters_;
  std::vector<double> squares_;
  Run run_;
};

auto fibers(test::Schedule schedule, std::uint64_t seed = 1) {
  return [=](std::uint32_t blocks, std::uint32_t threads, std::size_t shared, auto&& body) {
    test::run_on_fibers(blocks, threads, shared, schedule, seed, body);
  };
}
auto os_threads() {
  return [](std::uint32_t blocks, std::uint32_t threads, std::size_t shared, auto&& body) {
    test::run_on_threads(blocks, threads, shared, body);
  };
}

/// Unit counts around a warp and at the limit, whole tiles and one more or less, one step, several layers.
const LstmCase kCases[] = {
    {shape_of(1, 1, 1, 1), 1, kMse},
    {shape_of(3, 5, 1, 4, 2), 31, kHuber},
    {shape_of(1, 16, 2, 3, 1, false), 32, kDropout},
    {shape_of(4, 32, 1, 3), 33, kAbsolute},
    {shape_of(2, 33, 2, 3, 3), 9, kHuber},
    {shape_of(4, 64, 1, 3), 33, kMse},
    {shape_of(7, 8, 3, 3, 2), 70, kDropout},
    {shape_of(40, 9, 2, 2), 40, kMse},  // wider below than above, two tiles
    {shape_of(1, 5, 1, 6, 1, false), 100, kMse},
};

template <class Run>
void expect_oracle(const LstmCase& c, std::uint32_t blocks, Run run) {
  const test::Series series = test::series_of(c);
  OnHost network(c.shape, test::parameters_of(c), run);
  const auto [gradient, loss] = network.gradient(series, c.loss, test::answered_step, blocks);
  test::expect_oracles_answers({network.predict(series, blocks), gradient, loss}, c);
}

TEST(LstmTileKernel, EqualsTheOracleUnderEverySchedule) {
  for (const LstmCase& c : kCases)
    for (const test::Schedule schedule : test::all_schedules)
      for (const std::uint32_t blocks : {1u, 3u}) {
        if (blocks > 1 && c.windows <= tile::tile_rows) continue;
        SCOPED_TRACE(testing::Message() << c << " schedule " << int(schedule) << " blocks " << blocks);
        expect_oracle(c, blocks, fibers(schedule));
      }
}

/// Which warp is far ahead is drawn; some races need the right one.
TEST(LstmTileKernel, EqualsTheOracleWhicheverWarpIsAhead) {
  for (const LstmCase& c : kCases)
    for (std::uint64_t seed = 2; seed < 10 && c.shape.hidden < 33; ++seed) {
      SCOPED_TRACE(testing::Message() << c << " seed " << seed);
      expect_oracle(c, 1, fibers(test::Schedule::greedy, seed));
    }
}

TEST(ThreadsLstmTileKernel, EqualsTheOracle) {
  for (const LstmCase& c :
       {LstmCase{shape_of(1, 17, 2, 3), 33, kDropout}, LstmCase{shape_of(20, 9, 1, 2, 2), 40, kHuber}}) {
    SCOPED_TRACE(testing::Message() << c);
    expect_oracle(c, 1, os_threads());
  }
}

TEST(LstmTileKernel, TwoRunsAndEveryScheduleGiveTheSameBits) {
  const LstmShape shape = shape_of(2, 17, 2, 4);
  const test::Series series(shape, 75, 3);
  OnHost forward(shape, test::random_parameters(shape, 4), fibers(test::Schedule::forward));
  const auto expected = forward.gradient(series, kDropout, 2, 2);
  for (const test::Schedule schedule : {test::Schedule::reverse, test::Schedule::greedy}) {
    OnHost again(shape, test::random_parameters(shape, 4), fibers(schedule));
    EXPECT_EQ(again.gradient(series, kDropout, 2, 2), expected);
  }
}

TEST(LstmTileKernel, APredictionDoesNotDependOnTheOtherWindows) {
  const LstmShape shape = shape_of(2, 17, 2, 3, 2);
  test::Series series(shape, 40, 8);
  OnHost network(shape, test::random_parameters(shape, 4), fibers(test::Schedule::forward));
  const std::vector<float> together = network.predict(series, 2);
  const std::vector<std::uint32_t> starts = series.starts;
  for (const std::size_t w : {0u, 7u, 8u, 31u, 32u, 39u}) {
    series.starts = {starts[w]};
    EXPECT_EQ(network.predict(series, 1),
              std::vector<float>(together.begin() + 2 * w, together.begin() + 2 * w + 2))
        << w;
  }
}

TEST(LstmTileKernel, StepsEqualTheCpusOptimizer) {
  const LstmShape shape = shape_of(2, 7, 1, 3);
  const test::Series series(shape, 20, 3);
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::rmsprop})
    for (const double clip : {0.0, 0.05}) {
      OptimizerSettings settings = optimizer_defaults(kind);
      settings.learning_rate = 0.01;
      settings.clip_norm = clip;
      OnHost network(shape, test::random_parameters(shape, 4), fibers(test::Schedule::greedy));
      std::vector<float> expected = network.parameters(), m(expected.size()), v(expected.size());
      OptimizerState state;
      for (std::uint64_t steps = 1; steps <= 3; ++steps) {
        auto [gradient, loss] = network.gradient(series, kMse, 0, 1);
        network.step(gradient, m, v, settings, steps);
        optimizer_step(expected, gradient, state, settings);
        // The norm is summed in another order, in double: the scale may round to the next float, 6e-8 of a
        // step.
        EXPECT_LT(distance(network.parameters(), expected), 1e-7) << int(kind) << " clip " << clip;
        EXPECT_LT(distance(v, state.second_moment), 1e-6);
      }
    }
}

TEST(LstmTilePlan, FollowsTheFlatVectorAndTheCardsSharedMemory) {
  for (const LstmCase& c : kCases) {
    const TilePlan plan(c.shape);
    const auto tensors = lstm_tensors(c.shape);
    for (std::uint32_t layer = 0; layer < c.shape.layers; ++layer) {
      EXPECT_EQ(plan.flat_input(layer), tensors[3 * layer].offset);
      EXPECT_EQ(plan.flat_hidden(layer), tensors[3 * layer + 1].offset);
      EXPECT_EQ(plan.flat_bias(layer), tensors[3 * layer + 2].offset);
    }
    EXPECT_EQ(plan.flat_head(), tensors[3 * c.shape.layers].offset);
    EXPECT_EQ(plan.flat_head_bias(), tensors[3 * c.shape.layers + 1].offset);
    EXPECT_EQ(plan.parameters(), lstm_parameter_count(c.shape));
    EXPECT_EQ(plan.scratch_floats() % 4, 0u);
  }
  constexpr std::size_t hopper = 227 * 1024,
                        turing = 64 * 1024;  // opt-in limits of compute capability 9.0 and 7.5
  EXPECT_TRUE(lstm_tile_fits(shape_of(4, 64, 1, 32), hopper));
  EXPECT_FALSE(lstm_tile_fits(shape_of(4, 64, 2, 32), hopper));
  EXPECT_TRUE(lstm_tile_fits(shape_of(4, 48, 2, 32), hopper));
  EXPECT_FALSE(lstm_tile_fits(shape_of(4, 65, 1, 32), hopper));
  EXPECT_TRUE(lstm_tile_fits(shape_of(4, 32, 1, 32), turing));
  EXPECT_FALSE(lstm_tile_fits(shape_of(4, 64, 1, 32), turing));
  EXPECT_FALSE(lstm_tile_fits(shape_of(1, 8, 1, 1 << 21), hopper));
}

}  // namespace
}  // namespace tidegauge
