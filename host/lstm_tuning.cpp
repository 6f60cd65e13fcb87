#include "host/lstm_tuning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

namespace tidegauge {

namespace {

constexpr double measured_s = 0.3;
constexpr std::size_t most_batches = 16;  // of one call: as many as fit between two looks at the clock

/// Seconds a step takes: the best of several calls, the first two not counted (libraries set themselves up).
Expected<double> step_seconds(Backend& backend, const TrainSettings& settings, LstmOptions options,
                              const WindowBatch& windows, std::size_t batch_size) {
  using Clock = std::chrono::steady_clock;
  auto network = backend.lstm(settings.shape(), settings.seed, options);
  if (!network) return network.error();
  const std::size_t batches = std::min((windows.size() + batch_size - 1) / batch_size, most_batches);
  OptimizerState state;
  double best = std::numeric_limits<double>::infinity();
  const Clock::time_point begin = Clock::now();
  for (int call = 0; call < 3 || Clock::now() - begin < std::chrono::duration<double>(measured_s); ++call) {
    const Clock::time_point start = Clock::now();
    const auto losses =
        (*network)->train(windows, batch_size, 0, batches, settings.loss, settings.optimizer, state);
    if (!losses) return losses.error();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (call >= 2) best = std::min(best, seconds / static_cast<double>(batches));
  }
  return best;
}

}  // namespace

Expected<LstmAlgorithm> fastest_algorithm(Backend& backend, const TrainSettings& settings, const WindowBatch& windows,
                                          std::size_t batch_size,
                                          const std::function<void(const std::string&)>& remark) {
  const auto candidates = backend.lstm_algorithms(settings.shape());
  if (candidates.empty())
    return Error{fmt::format("{} has one way to run an LSTM, so there is nothing to measure", backend.name()), "--tune-cudnn",
                 "--device cuda, or leave it out", ErrorKind::usage};
  std::optional<LstmAlgorithm> fastest;
  double best = std::numeric_limits<double>::infinity();
  std::string refusal;
  for (const LstmAlgorithm algorithm : candidates) {
    LstmOptions options = settings.lstm_options();
    options.algorithm = algorithm;
    const auto seconds = step_seconds(backend, settings, options, windows, batch_size);
    if (remark)
      remark(seconds ? fmt::format("LSTM algorithm {}: {:.3f} ms a step", algorithm_name(algorithm), *seconds * 1e3)
                     : fmt::format("LSTM algorithm {}: refused", algorithm_name(algorithm)));
    if (!seconds) {
      refusal = seconds.error().what;
    } else if (*seconds < best) {
      best = *seconds;
      fastest = algorithm;
    }
  }
  if (!fastest) return Error{"no LSTM algorithm runs: " + refusal, "--tune-cudnn", "--device cpu"};
  return *fastest;
}

}  // namespace tidegauge
