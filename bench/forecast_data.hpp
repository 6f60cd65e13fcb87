// The series that forecasts are held against, as they lie in a folder, and what others published for them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/models/forecast_model.hpp"

namespace tidegauge {

/// MAPE of the best published configuration of each kind at one horizon.
struct PublishedError {
  std::size_t horizon;
  double mape;
  std::string model;
};

struct ForecastDataset {
  std::string name;  ///< "Leipzig 60 s"
  TimeBase time;
  std::vector<double> values;  ///< one interval apart, NaN where none is known
  std::vector<std::size_t> horizons;
  std::vector<PublishedError> published;  ///< on that author's own test part, which is another

  /// The last fifth is scored.
  std::size_t first_scored() const { return values.size() * 4 / 5; }
};

/// Those whose files are in `folder`; a file that is there and cannot be read is an error.
Expected<std::vector<ForecastDataset>> read_forecast_data(const std::string& folder);

}  // namespace tidegauge
