// How a column's values are brought to the range that a network likes, and back. Fitted on the training part only and
// kept in the model, so that the test part never leaks into training and a fine-tuned model keeps its units.
//   scaled = (t(x) - offset) / scale,   t(x) = log(1 + x) with `log1p`, otherwise x
// Cost: one pass to fit. Thread safety: values. Tested by tests/host/scaler_test.cpp.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/core/status.hpp"

namespace tidegauge {

enum class ScalerKind : std::uint8_t {
  none,
  minmax,    ///< smallest training value to 0, largest to 1
  standard,  ///< mean 0, population standard deviation 1
};
Expected<ScalerKind> scaler_by_name(std::string_view name);
std::string_view scaler_name(ScalerKind kind);

struct Scaler {
  ScalerKind kind = ScalerKind::minmax;
  bool log1p = false;
  double offset = 0;
  double scale = 1;

  double forward(double x) const { return ((log1p ? std::log1p(x) : x) - offset) / scale; }
  double inverse(double scaled) const {
    const double t = scaled * scale + offset;
    return log1p ? std::expm1(t) : t;
  }
  friend bool operator==(const Scaler&, const Scaler&) = default;
};

/// @param values the training part's; none, a value that is not finite, or (with log1p) one of -1 and below is an
///   error. A constant column gets scale 1.
Expected<Scaler> fit_scaler(ScalerKind kind, bool log1p, std::span<const double> values);

}  // namespace tidegauge
