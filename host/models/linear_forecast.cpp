#include "host/models/linear_forecast.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace tidegauge {

namespace {

constexpr std::int64_t day_ns = 86'400'000'000'000;

/// The first `count` waves of `period_ns` at the start of interval k.
float* put_waves(float* out, std::int64_t k, std::int64_t interval_ns, std::int64_t period_ns,
                 std::size_t count) {
  if (count == 0) return out;
  // By parts, so that k times the interval cannot overflow.
  const double phase = std::fmod(
      static_cast<double>(k) * (static_cast<double>(interval_ns) / static_cast<double>(period_ns)), 1.0);
  for (std::size_t wave = 1; wave <= count; ++wave) {
    const double angle = 2 * std::numbers::pi * phase * static_cast<double>(wave);
    *out++ = static_cast<float>(std::sin(angle));
    *out++ = static_cast<float>(std::cos(angle));
  }
  return out;
}

/// First t that has every lag.
std::size_t first_origin_of(const LinearInputs& inputs, std::size_t horizon) {
  std::size_t first = inputs.lags - 1;
  for (const std::size_t season : inputs.seasons)
    first = std::max(first, (horizon + season - 1) / season * season);
  return first;
}

/// The inputs at origin t; `scaled(i)` is value i as the regression sees it. @return false where one is not
/// known.
template <class Scaled>
bool put_inputs(float* out, const LinearHorizon& r, std::size_t t, const Scaled& scaled) {
  const LinearInputs& inputs = r.inputs;
  if (t < first_origin_of(inputs, r.horizon)) return false;
  const float* const begin = out;
  for (std::size_t lag = 0; lag < inputs.lags; ++lag) *out++ = static_cast<float>(scaled(t - lag));
  for (const std::size_t season : inputs.seasons) {
    const std::size_t back = (r.horizon + season - 1) / season * season, target = t + r.horizon - back;
    double sum = 0;
    for (std::size_t step = 0; step < r.horizon; ++step) sum += scaled(target - step);
    *out++ = static_cast<float>(scaled(target));
    *out++ = static_cast<float>(sum / static_cast<double>(r.horizon));
    *out++ = static_cast<float>(scaled(t - back));
  }
  const std::int64_t k = r.time.first_k + static_cast<std::int64_t>(t + r.horizon);
  out = put_waves(out, k, r.time.interval_ns, day_ns, inputs.day_waves);
  out = put_waves(out, k, r.time.interval_ns, 7 * day_ns, inputs.week_waves);
  return std::all_of(begin, static_cast<const float*>(out), [](float x) { return std::isfinite(x); });
}

/// Mean and standard deviation of what is known; a constant series has the scale 1.
void set_scale(LinearHorizon& r, std::span<const double> values) {
  double n = 0, sum = 0, squares = 0;
  for (const double v : values)
    if (std::isfinite(v)) n += 1, sum += v;
  r.centre = n > 0 ? sum / n : 0;
  for (const double v : values)
    if (std::isfinite(v)) squares += (v - r.centre) * (v - r.centre);
  const double deviation = n > 0 ? std::sqrt(squares / n) : 0;
  r.scale = deviation > 1e-12 * std::abs(r.centre) ? deviation : 1;
}

/// Rows of inputs, each asked for the target behind it: windows of one step whose "next" value is the target.
struct DesignMatrix {
  std::vector<float> inputs, targets;
  std::vector<std::uint32_t> rows;
  WindowBatch windows(std::size_t count) const { return {inputs, count, targets, 1, 1, rows}; }
};

DesignMatrix design_of(const LinearHorizon& r, std::span<const double> scaled) {
  DesignMatrix design;
  const std::size_t count = r.inputs.count();
  std::vector<float> row(count);
  design.targets.push_back(0);  // the target of row i is targets[i + 1]
  for (std::size_t t = 0; t + r.horizon < scaled.size(); ++t) {
    const double target = scaled[t + r.horizon];
    if (!std::isfinite(target) || !put_inputs(row.data(), r, t, [&](std::size_t i) { return scaled[i]; }))
      continue;
    design.rows.push_back(static_cast<std::uint32_t>(design.rows.size()));
    design.inputs.insert(design.inputs.end(), row.begin(), row.end());
    design.targets.push_back(static_cast<float>(target));
  }
  return design;
}

}  // namespace

std::string LinearInputs::words() const {
  std::string text = fmt::format("AR({}){}", lags, log ? " on logarithms" : "");
  if (!seasons.empty()) text += fmt::format(", seasons {}", fmt::join(seasons, " and "));
  if (day_waves > 0) text += fmt::format(", {} waves a day", day_waves);
  if (week_waves > 0) text += fmt::format(", {} waves a week", week_waves);
  text += loss == Loss::mse ? ", squared loss" : ", absolute loss";
  return ridge > 1e-9 ? text + fmt::format(", ridge {:g}", ridge) : text;
}

double LinearHorizon::scaled(double value) const {
  return ((inputs.log ? std::log1p(value) : value) - centre) / scale;
}

double LinearHorizon::unscaled(double value) const {
  const double transformed = value * scale + centre;
  return inputs.log ? std::expm1(transformed) : transformed;
}

Expected<LinearHorizon> fit_linear_horizon(std::span<const double> known, const TimeBase& time,
                                           std::size_t horizon, const LinearInputs& inputs) {
  TG_REQUIRE(inputs.lags > 0 && horizon > 0, "a regression needs a lag and a horizon");
  LinearHorizon r{.inputs = inputs, .horizon = horizon, .time = time, .centre = 0, .scale = 1, .model = {}};
  if (inputs.log && std::any_of(known.begin(), known.end(), [](double v) { return v < 0; }))
    return Error{"a series with negative values has no logarithms", "", "a model on the values themselves",
                 ErrorKind::usage};
  std::vector<double> values(known.begin(), known.end());
  for (double& v : values) v = r.scaled(v);  // of centre 0 and scale 1 so far
  set_scale(r, values);
  for (double& v : values) v = (v - r.centre) / r.scale;
  const DesignMatrix design = design_of(r, values);
  LinearSettings settings;
  settings.loss.kind = inputs.loss;
  settings.ridge = inputs.ridge;
  auto model = fit_linear(design.windows(inputs.count()), settings);
  if (!model) return std::move(model).error();
  r.model = std::move(*model);
  return r;
}

double forecast_linear(const LinearHorizon& r, std::span<const double> known) {
  std::vector<float> row(r.inputs.count());
  const auto scaled = [&](std::size_t i) { return r.scaled(known[i]); };
  if (known.empty() || !put_inputs(row.data(), r, known.size() - 1, scaled))
    return std::numeric_limits<double>::quiet_NaN();
  double sum = r.model.bias[0];
  for (std::size_t i = 0; i < row.size(); ++i) sum += r.model.weight[i] * double{row[i]};
  return r.unscaled(sum);
}

double LinearMean::forecast(std::span<const double> known) const {
  double sum = 0, answers = 0;
  for (const LinearHorizon& member : members)
    if (const double value = forecast_linear(member, known); std::isfinite(value)) sum += value, answers += 1;
  return answers == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / answers;
}

void LinearForecast::forecast(std::span<double> out, std::span<const double> known) const {
  for (std::size_t i = 0; i < horizons_.size(); ++i) out[i] = horizons_[i].forecast(known);
}

Expected<LinearForecast> fit_linear_forecast(std::span<const double> known, const TimeBase& time,
                                             const std::vector<std::size_t>& horizons,
                                             const LinearInputs& inputs) {
  std::vector<LinearMean> fitted;
  for (const std::size_t horizon : horizons) {
    auto one = fit_linear_horizon(known, time, horizon, inputs);
    if (!one) return std::move(one).error();
    fitted.push_back({{std::move(*one)}});
  }
  return LinearForecast(std::move(fitted));
}

Expected<LinearMean> refit_linear(const LinearMean& mean, std::span<const double> known) {
  LinearMean anew;
  for (const LinearHorizon& member : mean.members) {
    auto one = fit_linear_horizon(known, member.time, member.horizon, member.inputs);
    if (!one) return std::move(one).error();
    anew.members.push_back(std::move(*one));
  }
  return anew;
}

}  // namespace tidegauge
