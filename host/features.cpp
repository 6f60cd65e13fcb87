#include "host/features.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numbers>

namespace tidegauge {

namespace {

constexpr std::int64_t day_ns = 86'400'000'000'000;

/// A number that no other series of this program has. Thread safe.
std::uint64_t unique_series_id() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

/// Sine and cosine of where in the period the interval begins.
void add_phase(float*& out, std::int64_t start_ns, std::int64_t period_ns) {
  const std::int64_t into = ((start_ns % period_ns) + period_ns) % period_ns;
  const double angle = 2 * std::numbers::pi * static_cast<double>(into) / static_cast<double>(period_ns);
  *out++ = static_cast<float>(std::sin(angle));
  *out++ = static_cast<float>(std::cos(angle));
}

}  // namespace

Expected<std::vector<std::size_t>> find_columns(const IntervalSeries& series, const TrainSettings& settings) {
  std::vector<std::size_t> positions;
  for (const std::string& name : settings.columns()) {
    const auto found = std::find(series.columns.begin(), series.columns.end(), name);
    if (found == series.columns.end())
      return Error{fmt::format("the series has no column '{}'", name), "--column",
                   fmt::format("one of: {}", fmt::join(series.columns, ", ")), ErrorKind::usage};
    positions.push_back(static_cast<std::size_t>(found - series.columns.begin()));
  }
  return positions;
}

Expected<std::vector<Scaler>> fit_scalers(const IntervalSeries& series, const TrainSettings& settings, Segment part) {
  auto positions = find_columns(series, settings);
  if (!positions) return positions.error();
  std::vector<Scaler> scalers;
  std::vector<double> values;
  for (std::size_t column : *positions) {
    values.clear();
    for (std::size_t row = part.first; row < part.last; ++row)
      if (series.complete[row]) values.push_back(series.at(row, column));
    auto scaler = fit_scaler(settings.scaler, settings.log1p, values);
    if (!scaler) {
      Error error = scaler.error();
      error.where = fmt::format("column '{}'", series.columns[column]);
      return error;
    }
    scalers.push_back(*scaler);
  }
  return scalers;
}

Expected<FeatureMatrix> make_features(const IntervalSeries& series, const TrainSettings& settings,
                                      std::span<const Scaler> scalers) {
  auto positions = find_columns(series, settings);
  if (!positions) return positions.error();
  TG_REQUIRE(scalers.size() == positions->size(), "one scaler per column");
  FeatureMatrix matrix;
  matrix.feature_count = settings.feature_count();
  matrix.features.resize(series.size() * matrix.feature_count);
  matrix.targets.resize(series.size());
  float* out = matrix.features.data();
  for (std::size_t row = 0; row < series.size(); ++row) {
    const float* first = out;
    for (std::size_t c = 0; c < positions->size(); ++c)
      *out++ = static_cast<float>(scalers[c].forward(series.at(row, (*positions)[c])));
    matrix.targets[row] = *first;
    if (settings.time_of_day) add_phase(out, series.start_ns(row), day_ns);
    if (settings.time_of_week) add_phase(out, series.start_ns(row), 7 * day_ns);
  }
  matrix.series_id = unique_series_id();
  return matrix;
}

}  // namespace tidegauge
