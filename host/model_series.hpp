// Reads from a series file what a model needs of it.
// Tested by tests/tools/learn_test.cpp.
#pragma once

#include "host/store.hpp"
#include "host/train_settings.hpp"

namespace tidegauge {

/// The columns of `settings`, all in memory. An empty `settings.column` becomes `value` where the point was imported
/// from a table, otherwise `bytes`.
Expected<IntervalSeries> read_model_series(const SeriesFile& file, SeriesFile::Query query, TrainSettings& settings);

/// One column; an empty name is resolved in the same way.
Expected<IntervalSeries> read_one_column(const SeriesFile& file, SeriesFile::Query query, std::string& column);

}  // namespace tidegauge
