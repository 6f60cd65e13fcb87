#include "host/models/naive_models.hpp"

#include <algorithm>
#include <limits>

namespace tidegauge {

namespace {
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
}

void PersistenceForecast::forecast(std::span<double> out, std::span<const double> known) const {
  std::fill(out.begin(), out.end(), known.empty() ? unknown : known.back());
}

void SeasonalForecast::forecast(std::span<double> out, std::span<const double> known) const {
  for (std::size_t i = 0; i < horizons_.size(); ++i) {
    const std::size_t target = known.size() - 1 + horizons_[i];
    const std::size_t back = (horizons_[i] + season_ - 1) / season_ * season_;
    out[i] = known.empty() || target < back ? unknown : known[target - back];
  }
}

}  // namespace tidegauge
