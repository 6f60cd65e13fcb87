#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/linear/linear.hpp"
#include "kernels/lstm/lstm_loss_rule.hpp"

namespace tidegauge {

namespace {

/// Centred second moments of the inputs (upper triangle) and their products with the distance from persistence.
struct Moments {
  double weight = 0;
  std::vector<double> input_mean;   // [P]
  std::vector<double> gram;         // [P][P], only j >= i
  std::vector<double> target_mean;  // [outputs]
  std::vector<double> cross;        // [outputs][P]
};

struct Problem {
  const WindowBatch& windows;
  std::size_t inputs;
  std::size_t newest;  // index of the target's newest value in a window

  double target(std::size_t w, std::size_t o) const {
    return double{windows.target(w)[o]} - double{windows.input(w)[newest]};
  }
};

Problem make_problem(const WindowBatch& windows, std::size_t target_feature) {
  const std::size_t inputs = windows.look_back * windows.feature_count;
  return {windows, inputs, inputs - windows.feature_count + target_feature};
}

/// Windows added to the moments at once: a sum is loaded and stored once for all of them, which is what the time goes into.
constexpr std::size_t block = 4;

/// sums[j] += a[0] * rows[0][j] + ... for j in [from, count); rows are [block][count].
void add_block(double* sums, const double* rows, const std::array<double, block>& a, std::size_t from, std::size_t count) {
  for (std::size_t j = from; j < count; ++j)
    sums[j] += (a[0] * rows[j] + a[1] * rows[count + j]) + (a[2] * rows[2 * count + j] + a[3] * rows[3 * count + j]);
}

/// Moments of outputs [first, last); `sample_weight` per window, empty for all ones.
Moments collect(const Problem& p, std::size_t first, std::size_t last, std::span<const double> sample_weight) {
  const std::size_t n = p.windows.size(), P = p.inputs, outputs = last - first;
  Moments m;
  m.input_mean.assign(P, 0);
  m.target_mean.assign(outputs, 0);
  const auto weight_of = [&](std::size_t w) { return sample_weight.empty() ? 1.0 : sample_weight[w]; };
  for (std::size_t w = 0; w < n; ++w) {
    const double s = weight_of(w);
    const float* x = p.windows.input(w);
    m.weight += s;
    for (std::size_t i = 0; i < P; ++i) m.input_mean[i] += s * double{x[i]};
    for (std::size_t o = 0; o < outputs; ++o) m.target_mean[o] += s * p.target(w, first + o);
  }
  for (double& v : m.input_mean) v /= m.weight;
  for (double& v : m.target_mean) v /= m.weight;

  m.gram.assign(P * P, 0);
  m.cross.assign(outputs * P, 0);
  std::vector<double> centred(block * P), weights(block);
  for (std::size_t first_window = 0; first_window < n; first_window += block) {
    for (std::size_t b = 0; b < block; ++b) {
      const std::size_t w = first_window + b;
      weights[b] = w < n ? weight_of(w) : 0;
      const float* x = p.windows.input(std::min(w, n - 1));  // behind the last window with weight 0
      for (std::size_t i = 0; i < P; ++i) centred[b * P + i] = double{x[i]} - m.input_mean[i];
    }
    for (std::size_t i = 0; i < P; ++i) {
      const auto a = [&](std::size_t b) { return weights[b] * centred[b * P + i]; };
      add_block(&m.gram[i * P], centred.data(), {a(0), a(1), a(2), a(3)}, i, P);
    }
    for (std::size_t o = 0; o < outputs; ++o) {
      const auto a = [&](std::size_t b) {
        return weights[b] * (p.target(std::min(first_window + b, n - 1), first + o) - m.target_mean[o]);
      };
      add_block(&m.cross[o * P], centred.data(), {a(0), a(1), a(2), a(3)}, 0, P);
    }
  }
  return m;
}

/// Lower Cholesky factor of the symmetric matrix whose upper triangle is given, in place of the lower triangle.
/// @return false where a pivot is not positive.
bool factor(std::vector<double>& a, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[j * n + i];
      if (i == j) sum = a[i * n + i];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      if (i != j) {
        a[i * n + j] = sum / a[j * n + j];
      } else {
        if (!(sum > 0) || !std::isfinite(sum)) return false;
        a[i * n + i] = std::sqrt(sum);
      }
    }
  }
  return true;
}

void solve(std::span<double> x, const std::vector<double>& lower, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) x[i] -= lower[i * n + k] * x[k];
    x[i] /= lower[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) x[i] -= lower[k * n + i] * x[k];
    x[i] /= lower[i * n + i];
  }
}

/// Solves outputs [first, first + moments' outputs) with the ridge and writes them into `model`.
Status solve_ridge(LinearModel& model, const Problem& p, const Moments& m, std::size_t first, double ridge) {
  const std::size_t P = p.inputs;
  double trace = 0;
  for (std::size_t i = 0; i < P; ++i) trace += m.gram[i * P + i];
  // Constant inputs have no variance at all; the floor keeps the matrix positive, and their weight at the prior.
  double penalty = ridge * trace / static_cast<double>(P) + 1e-300;
  std::vector<double> lower;
  for (int attempt = 0;; ++attempt) {
    lower = m.gram;
    for (std::size_t i = 0; i < P; ++i) lower[i * P + i] += trace > 0 ? penalty : 1.0;
    if (factor(lower, P)) break;
    if (attempt == 12)
      return Error{"the least-squares fit of the linear model has no solution", "", "a shorter --look-back"};
    penalty = std::max(penalty * 10, 1e-14 * trace);
  }
  std::vector<double> delta(P);
  for (std::size_t o = 0; o < m.target_mean.size(); ++o) {
    std::copy_n(&m.cross[o * P], P, delta.begin());
    solve(delta, lower, P);
    double bias = m.target_mean[o];
    for (std::size_t i = 0; i < P; ++i) bias -= delta[i] * m.input_mean[i];
    delta[p.newest] += 1;  // back from "distance from persistence"
    std::copy(delta.begin(), delta.end(), &model.weight[(first + o) * P]);
    model.bias[first + o] = bias;
  }
  return {};
}

double predict_one(const LinearModel& model, const float* x, std::size_t o) {
  double sum = model.bias[o];
  const double* w = &model.weight[o * model.inputs];
  for (std::size_t i = 0; i < model.inputs; ++i) sum += w[i] * double{x[i]};
  return sum;
}

/// Weight that makes the squared error of a residual count as the loss would.
double reweight(double residual, const LossSettings& loss, double smallest) {
  const double size = std::abs(residual);
  if (loss.kind == Loss::huber) return size <= loss.huber_delta ? 1.0 : loss.huber_delta / size;
  return 1.0 / std::max(size, smallest);
}

/// Iteratively reweighted least squares of one output, from the least-squares solution already in `model`.
Status reweighted_fit(LinearModel& model, const Problem& p, std::size_t o, const LinearSettings& settings) {
  constexpr int most_iterations = 30;
  const std::size_t n = p.windows.size();
  std::vector<double> residual(n), weight(n);
  double before = -1;
  for (int iteration = 0; iteration < most_iterations; ++iteration) {
    double spread = 0, total = 0, slope = 0;
    for (std::size_t w = 0; w < n; ++w) {
      residual[w] = double{p.windows.target(w)[o]} - predict_one(model, p.windows.input(w), o);
      spread += std::abs(residual[w]);
      total += loss_of(residual[w], settings.loss.kind, settings.loss.huber_delta, slope);
    }
    spread /= static_cast<double>(n);
    if (spread == 0 || std::abs(before - total) <= 1e-7 * total) return {};
    before = total;
    for (std::size_t w = 0; w < n; ++w) weight[w] = reweight(residual[w], settings.loss, 1e-4 * spread);
    TG_TRY(solve_ridge(model, p, collect(p, o, o + 1, weight), o, settings.ridge));
  }
  return {};
}

LinearModel empty_model(const Problem& p) {
  LinearModel model{p.inputs, p.windows.horizon, {}, {}, 0};
  model.weight.resize(p.windows.horizon * p.inputs);
  model.bias.resize(p.windows.horizon);
  return model;
}

Status fit_from(LinearModel& model, const Problem& p, const Moments& moments, const LinearSettings& settings) {
  model.ridge = settings.ridge;
  TG_TRY(solve_ridge(model, p, moments, 0, settings.ridge));
  if (settings.loss.kind == Loss::mse) return {};
  for (std::size_t o = 0; o < model.horizon; ++o) TG_TRY(reweighted_fit(model, p, o, settings));
  return {};
}

Status enough_windows(const WindowBatch& windows) {
  if (windows.size() >= 2) return {};
  return Error{fmt::format("{} training windows are too few for a linear fit", windows.size()), "",
               "a longer training part or a shorter --look-back"};
}

}  // namespace

Expected<LinearModel> fit_linear(const WindowBatch& windows, const LinearSettings& settings) {
  TG_TRY(enough_windows(windows));
  const Problem problem = make_problem(windows, settings.target_feature);
  LinearModel model = empty_model(problem);
  TG_TRY(fit_from(model, problem, collect(problem, 0, windows.horizon, {}), settings));
  return model;
}

void predict_linear(std::span<double> out, const LinearModel& model, const WindowBatch& windows) {
  for (std::size_t w = 0; w < windows.size(); ++w)
    for (std::size_t o = 0; o < model.horizon; ++o)
      out[w * model.horizon + o] = predict_one(model, windows.input(w), o);
}

double mean_loss(std::span<const double> outputs, const WindowBatch& windows, const LossSettings& loss) {
  const std::size_t horizon = windows.horizon;
  double sum = 0, slope = 0;
  for (std::size_t w = 0; w < windows.size(); ++w)
    for (std::size_t o = 0; o < horizon; ++o)
      sum += loss_of(outputs[w * horizon + o] - double{windows.target(w)[o]}, loss.kind, loss.huber_delta, slope);
  return windows.size() == 0 ? 0 : sum / static_cast<double>(windows.size() * horizon);
}

Expected<LinearModel> fit_linear_validated(const WindowBatch& training, const WindowBatch& validation,
                                           LinearSettings settings) {
  constexpr std::array ladder = {1e-9, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0};
  if (validation.size() == 0) return fit_linear(training, settings);
  TG_TRY(enough_windows(training));
  const Problem problem = make_problem(training, settings.target_feature);
  const Moments moments = collect(problem, 0, training.horizon, {});
  LinearModel best, candidate = empty_model(problem);
  std::vector<double> outputs(validation.size() * validation.horizon);
  double best_loss = 0;
  for (double ridge : ladder) {
    settings.ridge = ridge;
    TG_TRY(fit_from(candidate, problem, moments, settings));
    predict_linear(outputs, candidate, validation);
    const double loss = mean_loss(outputs, validation, settings.loss);
    if (best.fitted() && !(loss < best_loss)) continue;
    best = candidate;
    best_loss = loss;
  }
  return best;
}

}  // namespace tidegauge
