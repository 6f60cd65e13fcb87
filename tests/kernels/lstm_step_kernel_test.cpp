// The kernels around the cells of a training step, under the host's emulation of a GPU: each against plain arithmetic in
// double, and all of them together, with cells that the CPU computes, against the CPU's training.
#include "kernels/lstm/lstm_step_kernel.hpp"

#include "kernels/lstm/lstm_cudnn_rule.hpp"
#include "tests/kernel_on_host/fiber_block.hpp"
#include "tests/kernel_on_host/thread_block.hpp"
#include "tests/kernels/lstm_cases.hpp"
#include "tests/kernels/sure_network.hpp"
#include "tests/oracle/lstm_oracle.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using lstm::StepConstants;
using lstm::StepParameters;
using lstm::StepWork;
using test::distance;
using test::Series;
using test::shape_of;

constexpr std::uint32_t threads = 64;
constexpr std::size_t shared_bytes = threads * sizeof(double);

/// How a grid is run: on fibers under a schedule, or on threads.
struct OnFibers {
  test::Schedule schedule = test::Schedule::greedy;
  template <class Body>
  void operator()(std::uint32_t blocks, Body&& body) const {
    test::run_on_fibers(blocks, threads, shared_bytes, schedule, 1, body);
  }
};
struct OnThreads {
  template <class Body>
  void operator()(std::uint32_t blocks, Body&& body) const {
    test::run_on_threads(blocks, threads, shared_bytes, body);
  }
};

/// Random numbers in [-1, 1).
std::vector<float> numbers(std::size_t count, std::uint64_t seed) {
  RandomStream random(seed, 3);
  std::vector<float> values(count);
  for (float& value : values) value = Series::uniform(random);
  return values;
}

/// A device's memory for one call over a series: batches of `batch_windows`, of which `done` are done.
struct Device {
  Series series;
  std::vector<float> flat;
  std::vector<StepConstants> constants;
  std::vector<float> h, slopes, gradient;
  std::vector<double> window_losses, batch_losses;
  std::uint32_t done = 0;
  std::size_t batch_windows;

  Device(const LstmShape& shape, std::size_t windows, std::size_t batch, std::uint64_t seed)
      : series(shape, windows, seed),
        flat(test::random_parameters(shape, seed + 1)),
        constants((windows + batch - 1) / batch),
        h(numbers(batch * shape.hidden, seed + 2)),
        slopes(numbers(batch * shape.horizon, seed + 3)),
        gradient(flat.size(), 55.0f),
        window_losses(batch),
        batch_losses(constants.size()),
        batch_windows(batch) {}

  std::size_t cells() const { return lstm_tensors(series.shape)[3 * series.shape.layers].offset; }
  const std::uint32_t* starts() const { return series.starts.data() + done * batch_windows; }
  float feature(std::size_t window, std::size_t k) const {
    return series.features[starts()[window] * series.shape.features + k];
  }
  StepWork work(std::size_t first, std::size_t windows, const LossSettings& loss) {
    const LstmShape& s = series.shape;
    StepWork work{};
    work.features = static_cast<std::uint32_t>(s.features);
    work.hidden = static_cast<std::uint32_t>(s.hidden);
    work.look_back = static_cast<std::uint32_t>(s.look_back);
    work.horizon = static_cast<std::uint32_t>(s.horizon);
    work.skip = s.skip;
    work.series = series.features.data();
    work.targets = series.targets.data();
    work.starts = series.starts.data();
    work.constants = constants.data();
    work.done = &done;
    work.batch_windows = static_cast<std::uint32_t>(batch_windows);
    work.first = static_cast<std::uint32_t>(first);
    work.windows = static_cast<std::uint32_t>(windows);
    work.head = flat.data() + cells();
    work.h = h.data();
    work.slopes = slopes.data();
    work.loss = loss.kind;
    work.huber_delta = loss.huber_delta;
    work.share = 1.0 / static_cast<double>(windows * s.horizon);
    return work;
  }
};

/// Piece sizes around warps and blocks; shapes with odd and even hidden sizes, with and without skip connection.
struct Row {
  LstmShape shape;
  std::size_t windows;
};
std::vector<Row> rows() {
  std::vector<Row> all;
  for (const std::size_t windows : {1, 31, 32, 33, 70})
    for (const LstmShape& shape : {shape_of(1, 1, 1, 1), shape_of(3, 33, 2, 4, 3), shape_of(2, 32, 1, 2, 1, false),
                                   shape_of(1, 31, 1, 70, 2)})
      all.push_back({shape, windows});
  return all;
}

std::string name_of(const Row& row) {
  return (std::ostringstream() << test::LstmCase{row.shape, row.windows, {}}).str();
}

template <class Run>
void expect_gathered(const Row& row, const Run& run) {
  Device device(row.shape, 2 * (row.windows + 5), row.windows + 5, 1);
  device.done = 1;
  const std::size_t first = 2;
  const StepWork work = device.work(first, row.windows, {});
  std::vector<float> x(row.shape.look_back * row.windows * row.shape.features, 77.0f);
  run(2, [&](auto& context) { lstm::gather_inputs(context, x.data(), work); });
  std::size_t at = 0;
  for (std::size_t step = 0; step < row.shape.look_back; ++step)
    for (std::size_t w = 0; w < row.windows; ++w)
      for (std::size_t f = 0; f < row.shape.features; ++f)
        ASSERT_EQ(x[at++], device.feature(first + w, step * row.shape.features + f)) << name_of(row);
}

TEST(LstmStepKernel, WindowsAreGatheredStepByStep) {
  for (const Row& row : rows()) expect_gathered(row, OnFibers{});
}

/// The oracle's draws, spelled out again.
TEST(LstmStepKernel, DropoutMasksAreTheCpus) {
  const lstm::Dropout dropout{0.4, 17};
  for (const Row& row : rows()) {
    Device device(row.shape, 2 * (row.windows + 5), row.windows + 5, 1);
    device.done = 1;
    device.constants[1].optimizer_step = 9;
    const StepWork work = device.work(3, row.windows, {});
    const std::vector<float> in = numbers(row.shape.look_back * row.windows * row.shape.hidden, 5);
    std::vector<float> out(in.size(), 77.0f), same = in;
    OnFibers{}(3, [&](auto& context) { lstm::drop_outputs(context, out.data(), in.data(), work, dropout, 1); });
    OnFibers{}(3, [&](auto& context) { lstm::drop_outputs(context, same.data(), same.data(), work, dropout, 1); });
    EXPECT_EQ(out, same) << "in place, " << name_of(row);
    const std::uint64_t key = oracle::mixed(oracle::mixed(oracle::mixed(17) ^ 9) ^ 1);
    const std::size_t hidden = row.shape.hidden;
    for (std::size_t i = 0; i < in.size(); ++i) {
      const std::size_t unit = i % hidden, window = 3 + i / hidden % row.windows, step = i / hidden / row.windows;
      const std::uint64_t place = (window * row.shape.look_back + step) * ((hidden + 1) / 2) + unit / 2;
      const std::uint64_t draw = oracle::mixed(key ^ oracle::mixed(place)) >> (unit % 2 ? 32 : 0) & 0xffffffffu;
      const float factor = draw < static_cast<std::uint64_t>(0.4 * 4294967296.0) ? 0.0f : static_cast<float>(1 / 0.6);
      ASSERT_EQ(out[i], in[i] * factor) << i << ", " << name_of(row);
    }
  }
}

struct Head {  // in double
  std::vector<double> outputs, slopes, dh, losses, gradient;
};

Head plain_head(const Device& device, std::size_t first, std::size_t windows, const LossSettings& settings) {
  const LstmShape& s = device.series.shape;
  const std::size_t seen = s.look_back * s.features, bias = s.horizon * s.hidden, skip = bias + s.horizon;
  const float* head = device.flat.data() + device.cells();
  Head plain{{}, {}, std::vector<double>(windows * s.hidden), std::vector<double>(windows),
             std::vector<double>(device.flat.size() - device.cells())};
  for (std::size_t w = 0; w < windows; ++w)
    for (std::size_t o = 0; o < s.horizon; ++o) {
      double y = head[bias + o];
      for (std::size_t u = 0; u < s.hidden; ++u) y += double{head[o * s.hidden + u]} * device.h[w * s.hidden + u];
      for (std::size_t k = 0; s.skip && k < seen; ++k)
        y += double{head[skip + o * seen + k]} * device.feature(first + w, k);
      const double error = y - device.series.targets[device.starts()[first + w] + s.look_back + o];
      double slope = 0;
      plain.losses[w] += loss_of(error, settings.kind, settings.huber_delta, slope);
      slope /= static_cast<double>(windows * s.horizon);
      plain.outputs.push_back(y);
      plain.slopes.push_back(slope);
      plain.gradient[bias + o] += slope;
      for (std::size_t u = 0; u < s.hidden; ++u) {
        plain.dh[w * s.hidden + u] += slope * head[o * s.hidden + u];
        plain.gradient[o * s.hidden + u] += slope * device.h[w * s.hidden + u];
      }
      for (std::size_t k = 0; s.skip && k < seen; ++k)
        plain.gradient[skip + o * seen + k] += slope * device.feature(first + w, k);
    }
  return plain;
}

/// Sums of up to 200 float products, as in lstm_test.cpp.
constexpr double kTolerance = 1e-5;

template <class Run>
void expect_head(const Row& row, const LossSettings& settings, const Run& run) {
  SCOPED_TRACE(name_of(row));
  Device device(row.shape, 2 * (row.windows + 5), row.windows + 5, 1);
  device.done = 1;
  const std::size_t first = 2;
  const StepWork work = device.work(first, row.windows, settings);
  const Head plain = plain_head(device, first, row.windows, settings);
  std::vector<float> out(row.windows * row.shape.horizon), dh(row.windows * row.shape.hidden, 77.0f);
  run(2, [&](auto& context) { lstm::predict_head(context, out.data(), work); });
  EXPECT_LT(distance(out, plain.outputs), kTolerance);
  run(2, [&](auto& context) { lstm::run_head(context, dh.data(), device.window_losses.data(), work); });
  EXPECT_LT(distance(std::span(device.window_losses).subspan(first, row.windows), plain.losses), kTolerance);
  EXPECT_LT(distance(dh, plain.dh), kTolerance);
  EXPECT_LT(distance(device.slopes, plain.slopes), kTolerance);

  const std::span<float> gradient = std::span(device.gradient).subspan(device.cells());
  StepWork whole = work;
  whole.first = 0;  // the first piece sets
  whole.starts += first;
  run(3, [&](auto& context) { lstm::head_gradient(context, gradient.data(), whole); });
  EXPECT_LT(distance(gradient, plain.gradient), kTolerance);
  run(lstm::head_gradient_blocks(work), [&](auto& context) { lstm::head_gradient(context, gradient.data(), work); });
  std::vector<double> twice = plain.gradient;
  for (double& value : twice) value *= 2;
  EXPECT_LT(distance(gradient, twice), kTolerance) << "further pieces add";
  EXPECT_EQ(device.gradient[0], 55.0f) << "the cells' part is left alone";
}

TEST(LstmStepKernel, HeadLossAndTheirGradients) {
  for (const Row& row : rows())
    for (const LossSettings& loss : {test::kMse, test::kHuber, test::kAbsolute}) expect_head(row, loss, OnFibers{});
  for (const test::Schedule schedule : test::all_schedules)
    expect_head({shape_of(3, 33, 2, 4, 3), 33}, test::kMse, OnFibers{schedule});
}

TEST(ThreadsLstmStepKernel, HeadLossAndTheirGradients) {
  expect_head({shape_of(3, 33, 1, 2, 2), 5}, test::kMse, OnThreads{});
}

/// Parameters, moments and the cells' space, with places in reverse order and gaps of one.
struct Optimized {
  std::size_t cells;
  std::vector<std::uint32_t> places;
  std::vector<float> flat, space, gradient, space_gradient, first, second;
  std::vector<double> norm_parts;
  std::vector<float> expected;  ///< the gradient in flat order

  Optimized(std::size_t count, std::size_t of_cells)
      : cells(of_cells),
        flat(numbers(count, 1)),
        space(2 * of_cells + 1, 0.25f),
        gradient(numbers(count, 2)),
        space_gradient(space.size(), 0.125f),
        first(count),
        second(count),
        norm_parts(lstm::norm_blocks_for(count), 1e9),
        expected(gradient) {
    for (std::size_t i = 0; i < cells; ++i) {
      places.push_back(static_cast<std::uint32_t>(2 * (cells - i)));
      space_gradient[places[i]] = expected[i];
      gradient[i] = 99;  // to be replaced by the space's
    }
  }
  StepParameters parameters() {
    return {flat.size(),   cells,        places.data(), flat.data(),       space.data(),
            gradient.data(), space_gradient.data(), first.data(), second.data(), norm_parts.data(),
            static_cast<std::uint32_t>(norm_parts.size())};
  }
};

/// Two steps against the CPU's. A GPU's norm is another order of sums, so the clipping factor may differ in its last bit,
/// and three roundings follow: a few units of 2^-24.
template <class Run>
void expect_cpus_steps(std::size_t count, std::size_t cells, OptimizerKind kind, double clip, const Run& run) {
  SCOPED_TRACE(testing::Message() << count << " parameters, " << cells << " of cells, clip " << clip);
  Optimized device(count, cells);
  OptimizerSettings settings = optimizer_defaults(kind);
  settings.clip_norm = clip;
  settings.learning_rate = 0.1;
  OptimizerState state;
  std::vector<float> flat = device.flat;
  std::vector<StepConstants> constants;
  for (std::uint64_t step = 1; step <= 2; ++step)
    constants.push_back({step - 1, adam_step(settings, step), rmsprop_step(settings)});
  for (std::uint32_t done = 0; done < 2; ++done) {
    const StepParameters p = device.parameters();
    run(p.norm_blocks, [&](auto& context) { lstm::collect_gradient(context, p); });
    EXPECT_EQ(device.gradient, device.expected);
    run(2, [&](auto& context) { lstm::update(context, p, constants.data(), &done, kind, clip); });
    std::vector<float> gradient = device.expected;
    optimizer_step(flat, gradient, state, settings);
  }
  EXPECT_LT(distance(device.flat, flat), 1e-6);
  EXPECT_LT(distance(device.second, state.second_moment), 1e-6);
  if (kind == OptimizerKind::adam) {
    EXPECT_LT(distance(device.first, state.first_moment), 1e-6);
  }
  for (std::size_t i = 0; i < device.space.size(); ++i) {
    const auto found = std::find(device.places.begin(), device.places.end(), i);
    const auto parameter = static_cast<std::size_t>(found - device.places.begin());
    EXPECT_EQ(device.space[i], found == device.places.end() ? 0.25f : device.flat[parameter]) << "place " << i;
  }
}

TEST(LstmStepKernel, ClippingAndOptimizerAreTheCpus) {
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::rmsprop})
    for (const double clip : {0.0, 0.5, 1e6})
      for (const std::size_t count : {1u, 31u, 65u, 257u, 700u}) expect_cpus_steps(count, count / 2, kind, clip, OnFibers{});
  for (const test::Schedule schedule : test::all_schedules)
    expect_cpus_steps(300, 100, OptimizerKind::adam, 0.5, OnFibers{schedule});
}

TEST(ThreadsLstmStepKernel, ClippingAndOptimizerAreTheCpus) {
  expect_cpus_steps(300, 100, OptimizerKind::adam, 0.5, OnThreads{});
}

TEST(LstmStepKernel, NotANumberStaysVisible) {
  Optimized device(40, 20);
  device.space_gradient[device.places[3]] = NAN;
  const StepParameters p = device.parameters();
  const StepConstants constants{0, adam_step({}, 1), {}};
  const std::uint32_t done = 0;
  OnFibers{}(p.norm_blocks, [&](auto& context) { lstm::collect_gradient(context, p); });
  OnFibers{}(1, [&](auto& context) { lstm::update(context, p, &constants, &done, OptimizerKind::adam, 1.0); });
  EXPECT_TRUE(std::isnan(device.flat[3]));
  EXPECT_FALSE(std::isnan(device.flat[4])) << "no clipping by a norm that is none";
}

TEST(LstmStepKernel, LossesGoToTheirBatchAndTheNextOneIsUp) {
  for (const std::uint32_t windows : {1u, 63u, 64u, 65u, 500u}) {
    const std::vector<float> values = numbers(windows, 4);
    const std::vector<double> losses(values.begin(), values.end());
    std::vector<double> batches(4, -7.0);
    std::uint32_t done = 2;
    OnFibers{}(1, [&](auto& context) {
      lstm::finish_step(context, batches.data(), losses.data(), windows, 0.5, &done);
    });
    EXPECT_EQ(done, 3u);
    EXPECT_NEAR(batches[2], 0.5 * std::accumulate(losses.begin(), losses.end(), 0.0), 1e-12) << windows;
    EXPECT_EQ(batches[1], -7.0);
    EXPECT_EQ(batches[3], -7.0);
  }
}

// ---- a whole step ----

/// The top layer's outputs at the last step: what a network predicts whose head passes them on.
std::vector<float> cells_outputs(const Device& device, const WindowBatch& windows) {
  LstmShape shape = device.series.shape;
  shape.horizon = shape.hidden;
  shape.skip = false;
  std::vector<float> flat(lstm_parameter_count(shape), 0.0f);
  std::copy_n(device.flat.begin(), device.cells(), flat.begin());
  for (std::size_t u = 0; u < shape.hidden; ++u) flat[device.cells() + u * shape.hidden + u] = 1;
  const auto network = test::sure_lstm_cpu(shape, 1, 1);
  network->set_parameters(flat);
  WindowBatch batch = windows;
  batch.horizon = shape.horizon;
  std::vector<float> out(windows.size() * shape.hidden);
  network->predict(out, batch);
  return out;
}

/// Three batches, the last one ragged, each in two pieces, by the kernels with the CPU's cells, against the CPU.
TEST(LstmStepKernel, AllTogetherTrainAsTheCpu) {
  const LstmShape shape = shape_of(2, 5, 2, 3, 2);
  const std::size_t batch = 40, total = 100;
  const LossSettings loss{.kind = Loss::huber, .huber_delta = 0.3};
  OptimizerSettings adam = optimizer_defaults(OptimizerKind::adam);
  adam.learning_rate = 0.01;
  adam.clip_norm = 0.05;

  Device device(shape, total, batch, 1);
  for (std::size_t step = 0; step < device.constants.size(); ++step)
    device.constants[step] = {step, adam_step(adam, step + 1), rmsprop_step(adam)};
  const auto cpu = test::sure_lstm_cpu(shape, 1, 1), cells = test::sure_lstm_cpu(shape, 1, 1);
  cpu->set_parameters(device.flat);
  OptimizerState state;
  const std::vector<double> expected = cpu->train(device.series.batch(), batch, 0, 3, loss, adam, state);

  std::vector<std::uint32_t> places(device.cells());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = static_cast<std::uint32_t>(places.size() - 1 - i);
  std::vector<float> space(places.size()), space_gradient(places.size()), first(device.flat.size()),
      second(device.flat.size()), dh(batch * shape.hidden);
  std::vector<double> norm_parts(lstm::norm_blocks_for(device.flat.size()));
  const StepParameters p{device.flat.size(), places.size(),         places.data(), device.flat.data(),
                         space.data(),       device.gradient.data(), space_gradient.data(), first.data(),
                         second.data(),      norm_parts.data(),     static_cast<std::uint32_t>(norm_parts.size())};
  const OnFibers run;
  while (device.done < 3) {
    const std::size_t windows = std::min(batch, total - device.done * batch), piece = (windows + 1) / 2;
    WindowBatch part = device.series.batch();
    part.starts = part.starts.subspan(device.done * batch, windows);
    const std::vector<float> h = cells_outputs(device, part);
    for (std::size_t from = 0; from < windows; from += piece) {
      StepWork work = device.work(from, std::min(piece, windows - from), loss);
      work.share = 1.0 / static_cast<double>(windows * shape.horizon);
      work.h = h.data() + from * shape.hidden;
      run(2, [&](auto& context) { lstm::run_head(context, dh.data(), device.window_losses.data(), work); });
      run(2, [&](auto& context) {
        lstm::head_gradient(context, device.gradient.data() + device.cells(), work);
      });
    }
    std::vector<float> gradient(device.flat.size());
    cells->set_parameters(device.flat);
    cells->loss_and_gradient(gradient, part, loss, 0);
    for (std::size_t i = 0; i < places.size(); ++i) space_gradient[places[i]] = gradient[i];
    run(p.norm_blocks, [&](auto& context) { lstm::collect_gradient(context, p); });
    run(2, [&](auto& context) {
      lstm::update(context, p, device.constants.data(), &device.done, adam.kind, adam.clip_norm);
    });
    run(1, [&](auto& context) {
      lstm::finish_step(context, device.batch_losses.data(), device.window_losses.data(),
                        static_cast<std::uint32_t>(windows), 1.0 / static_cast<double>(windows * shape.horizon),
                        &device.done);
    });
  }
  EXPECT_LT(distance(device.batch_losses, expected), kTolerance);
  EXPECT_LT(distance(device.flat, cpu->parameters()), kTolerance);
  EXPECT_LT(distance(second, state.second_moment), 1e-4) << "squares of gradients";
}

}  // namespace
}  // namespace tidegauge
