// The regression's normal equations without its matrix: with d[t] = x[t] - x[t-1], products of lagged differences move
// one step along their diagonal by adding the product that enters and taking away that which leaves, and so do those of
// the level and of the trend. So only sum d[t] d[t-j] is summed over the series, once for each lag.
// One Cholesky factorisation holds the residuals of all numbers of lags, because their columns come last.
#include <algorithm>
#include <cmath>
#include <vector>

#include "host/statistics/sample.hpp"
#include "host/statistics/stationarity.hpp"
#include "host/statistics/trend.hpp"

namespace tidegauge {
namespace {

/// Columns of the regression over rows t = lags + 1 ... n - 1.
enum Column : std::size_t { one = 0, time = 1, level = 2, difference = 3 };  ///< difference + j: d[t - j]; j = 0 is the target

class Products {
 public:
  /// @param x at least lags + 2 values. @param d their differences; d[0] is not used.
  Products(std::span<const double> x, std::span<const double> d, std::size_t lags)
      : x_(x), d_(d), lags_(lags), width_(lags + 4), m_(width_ * width_) {
    sum_plain_columns();
    sum_differences();
  }
  double operator()(std::size_t a, std::size_t b) const { return a <= b ? m_[a * width_ + b] : m_[b * width_ + a]; }
  std::size_t rows() const { return x_.size() - 1 - lags_; }

 private:
  double& at(std::size_t a, std::size_t b) { return m_[a * width_ + b]; }

  void sum_plain_columns() {
    const std::size_t n = x_.size();
    const double m = static_cast<double>(rows());
    at(one, one) = m;
    // Time runs from 1 to m.
    at(one, time) = m * (m + 1) / 2;
    at(time, time) = m * (m + 1) * (2 * m + 1) / 6;
    const auto levels = x_.subspan(lags_, rows());
    at(level, level) = dot(levels, levels);
    double t = 0;
    for (const double v : levels) at(one, level) += v, at(time, level) += ++t * v;
    at(level, difference) = dot(levels, d_.subspan(lags_ + 1, rows()));
    t = 0;
    for (std::size_t i = lags_ + 1; i < n; ++i) at(time, difference) += ++t * d_[i];
  }

  void sum_differences() {
    const std::size_t n = x_.size(), p = lags_;
    const auto target = d_.subspan(p + 1, rows());
    const double m = static_cast<double>(rows());
    for (std::size_t j = 0; j <= p; ++j) {
      at(difference, difference + j) = dot(target, d_.subspan(p + 1 - j, rows()));
      at(one, difference + j) = x_[n - 1 - j] - x_[p - j];
    }
    for (std::size_t j = 0; j < p; ++j) {
      const double enters = d_[p - j], leaves = d_[n - 1 - j];
      at(time, difference + j + 1) = at(time, difference + j) + at(one, difference + j) + enters - (m + 1) * leaves;
      at(level, difference + j + 1) = at(level, difference + j) + at(difference, difference + j) + x_[p] * enters -
                                      x_[n - 1] * leaves;
    }
    for (std::size_t i = 0; i < p; ++i)
      for (std::size_t j = i; j < p; ++j)
        at(difference + i + 1, difference + j + 1) =
            at(difference + i, difference + j) + d_[p - i] * d_[p - j] - d_[n - 1 - i] * d_[n - 1 - j];
  }

  std::span<const double> x_, d_;
  std::size_t lags_, width_;
  std::vector<double> m_;
};

/// The target's part along each column, after those before it: squares of these are what each column explains. Shorter
/// than `columns` where one says nothing that those before it did not say.
std::vector<double> explained(const Products& products, std::span<const std::size_t> columns) {
  const std::size_t width = columns.size();
  std::vector<double> lower(width * width), z;
  for (std::size_t i = 0; i < width; ++i) {
    const double diagonal = products(columns[i], columns[i]);
    for (std::size_t j = 0; j <= i; ++j) {
      double v = products(columns[i], columns[j]);
      for (std::size_t c = 0; c < j; ++c) v -= lower[i * width + c] * lower[j * width + c];
      if (j < i) lower[i * width + j] = v / lower[j * width + j];
      else if (!(v > 1e-11 * diagonal)) return z;
      else lower[i * width + i] = std::sqrt(v);
    }
    double along = products(columns[i], difference);
    for (std::size_t c = 0; c < i; ++c) along -= lower[i * width + c] * z[c];
    z.push_back(along / lower[i * width + i]);
  }
  return z;
}

std::vector<std::size_t> columns_of(bool with_trend, std::size_t lags, bool level_last) {
  std::vector<std::size_t> columns{one};
  if (with_trend) columns.push_back(time);
  if (!level_last) columns.push_back(level);
  for (std::size_t j = 1; j <= lags; ++j) columns.push_back(difference + j);
  if (level_last) columns.push_back(level);
  return columns;
}

constexpr double no_noise = 1e-10;  ///< share of the target's squares below which residuals are rounding

std::optional<std::size_t> akaike_lags(const Products& products, bool with_trend, std::size_t most) {
  const auto z = explained(products, columns_of(with_trend, most, false));
  const std::size_t fixed = with_trend ? 3 : 2;
  const double rows = static_cast<double>(products.rows()), total = products(difference, difference);
  double left = total, lowest = 0;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < z.size(); ++i) {
    left -= z[i] * z[i];
    if (!(left > no_noise * total)) break;
    const double criterion = rows * std::log(left / rows) + 2 * static_cast<double>(i + 1);
    if (i + 1 >= fixed && (!best || criterion < lowest)) lowest = criterion, best = i + 1 - fixed;
  }
  return best;
}

std::optional<double> level_t(const Products& products, bool with_trend, std::size_t lags) {
  const auto columns = columns_of(with_trend, lags, true);
  const auto z = explained(products, columns);
  if (z.size() < columns.size() || products.rows() <= columns.size()) return std::nullopt;
  const double total = products(difference, difference), left = total - dot(z, z);
  if (!(left > no_noise * total)) return std::nullopt;
  return z.back() / std::sqrt(left / static_cast<double>(products.rows() - columns.size()));
}

double polynomial(double x, std::span<const double> coefficients) {
  double v = 0;
  for (auto c = coefficients.rbegin(); c != coefficients.rend(); ++c) v = v * x + *c;
  return v;
}

}  // namespace

double mackinnon_p(double t, bool with_trend) {
  struct Surface {
    double least, turn, most;  ///< probability 0 below, 1 above; the left tail's polynomial up to the turn
    double left[3], right[4];
  };
  static constexpr Surface constant{-18.83, -1.61, 2.74, {2.1659, 1.4412, 0.038269}, {1.7339, 0.93202, -0.12745, -0.010368}};
  static constexpr Surface trend{-16.18, -2.89, 0.7, {3.2512, 1.6047, 0.049588}, {2.5261, 0.61654, -0.37956, -0.060285}};
  const Surface& s = with_trend ? trend : constant;
  if (t > s.most) return 1;
  if (t < s.least) return 0;
  return normal_cdf(t <= s.turn ? polynomial(t, s.left) : polynomial(t, s.right));
}

std::optional<AdfResult> adf(std::span<const double> values, bool with_trend) {
  const std::size_t n = values.size(), deterministic = with_trend ? 2 : 1;
  if (n < 2 * (deterministic + 1) + 2) return std::nullopt;
  // In units of its deviation: sums of squares then have the same size as each other.
  std::vector<double> x = residuals_of(values, false);
  const double deviation = std::sqrt(dot(x, x) / static_cast<double>(n));
  if (!(deviation > 1e-12 * std::fabs(mean_of(values)))) return std::nullopt;
  for (double& v : x) v /= deviation;
  std::vector<double> d(n);
  for (std::size_t t = 1; t < n; ++t) d[t] = x[t] - x[t - 1];

  AdfResult result;
  result.most_lags = std::min(n / 2 - deterministic - 1,
                              static_cast<std::size_t>(std::ceil(12 * std::pow(static_cast<double>(n) / 100, 0.25))));
  const auto lags = akaike_lags(Products(x, d, result.most_lags), with_trend, result.most_lags);
  if (!lags) return std::nullopt;
  const Products products(x, d, *lags);
  const auto t = level_t(products, with_trend, *lags);
  if (!t) return std::nullopt;
  result.statistic = *t, result.lags = *lags, result.rows = products.rows();
  result.p_value = mackinnon_p(*t, with_trend);
  return result;
}

}  // namespace tidegauge
