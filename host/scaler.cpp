#include "host/scaler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace tidegauge {

namespace {

Expected<std::vector<double>> transform(bool log1p, std::span<const double> values) {
  std::vector<double> out;
  out.reserve(values.size());
  for (double x : values) {
    if (!std::isfinite(x)) return Error{"the training part holds a value that is not a number", "", "complete values"};
    if (log1p && !(x > -1))
      return Error{fmt::format("the logarithm needs values above -1, the training part holds {}", x), "--log",
                   "no --log for this column", ErrorKind::usage};
    out.push_back(log1p ? std::log1p(x) : x);
  }
  return out;
}

}  // namespace

Expected<ScalerKind> scaler_by_name(std::string_view name) {
  if (name == "none") return ScalerKind::none;
  if (name == "minmax") return ScalerKind::minmax;
  if (name == "standard") return ScalerKind::standard;
  return Error{fmt::format("there is no scaler '{}'", name), "--scaler", "minmax, standard or none", ErrorKind::usage};
}

std::string_view scaler_name(ScalerKind kind) {
  switch (kind) {
    case ScalerKind::none: return "none";
    case ScalerKind::minmax: return "minmax";
    case ScalerKind::standard: break;
  }
  return "standard";
}

Expected<Scaler> fit_scaler(ScalerKind kind, bool log1p, std::span<const double> values) {
  auto t = transform(log1p, values);
  if (!t) return t.error();
  if (t->empty()) return Error{"the training part has no complete interval to fit the scaler on", "", "more data"};
  Scaler scaler{kind, log1p, 0, 1};
  const auto n = static_cast<double>(t->size());
  if (kind == ScalerKind::minmax) {
    const auto [low, high] = std::minmax_element(t->begin(), t->end());
    scaler.offset = *low;
    scaler.scale = *high - *low;
  } else if (kind == ScalerKind::standard) {
    double sum = 0, squares = 0;
    for (double x : *t) sum += x;
    scaler.offset = sum / n;
    for (double x : *t) squares += (x - scaler.offset) * (x - scaler.offset);
    scaler.scale = std::sqrt(squares / n);
  }
  // Rounding leaves a constant column with a spread of a few ulps, which must not be blown up.
  if (!(scaler.scale > 1e-12 * std::max(1.0, std::abs(scaler.offset)))) scaler.scale = 1;
  return scaler;
}

}  // namespace tidegauge
