// The network's inputs: scaled columns and time covariates of every row of a series, as one matrix that windows index.
//   feature 0: the predicted column; then the extra columns; then sine, cosine of the time of day; of the week (UTC).
// Cost: one pass over the series. Thread safety: values. Tested by tests/host/features_test.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "host/train_settings.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/interval_series.hpp"
#include "kernels/data/window_batch.hpp"

namespace tidegauge {

struct FeatureMatrix {
  std::size_t feature_count = 1;
  std::vector<float> features;  ///< row-major [rows][feature_count]
  std::vector<float> targets;   ///< [rows], the scaled predicted column
  std::uint64_t series_id = 0;  ///< WindowBatch's; given by make_features, so nothing may change afterwards

  /// `starts` must outlive the batch, and so must this matrix.
  WindowBatch windows(std::span<const std::uint32_t> starts, std::size_t look_back, std::size_t horizon) const {
    return {features, feature_count, targets, look_back, horizon, starts, series_id};
  }
};

/// Positions of `settings.columns()` in the series; a missing one is a usage error that lists what is there.
Expected<std::vector<std::size_t>> find_columns(const IntervalSeries& series, const TrainSettings& settings);

/// One scaler per column, fitted on the complete rows of `part`.
Expected<std::vector<Scaler>> fit_scalers(const IntervalSeries& series, const TrainSettings& settings, Segment part);

/// @param scalers one per column of `settings.columns()`.
Expected<FeatureMatrix> make_features(const IntervalSeries& series, const TrainSettings& settings,
                                      std::span<const Scaler> scalers);

}  // namespace tidegauge
