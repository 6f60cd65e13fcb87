// Many small models with series of their own, for the tests of lstm_many.hpp.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/lstm/lstm_many.hpp"
#include "tests/kernels/lstm_cases.hpp"
#include "tests/support.hpp"

namespace tidegauge::test {

/// Models of one shape with series, windows and seeds of their own.
struct Fleet {
  ManySettings settings;
  std::vector<Series> series;
  std::vector<ManyTask> tasks;
  std::vector<ManyState> start;

  Fleet(const LstmShape& shape, std::size_t models) {
    settings.shape = shape;
    settings.epochs = 6;
    settings.patience = 2;
    settings.loss.dropout = shape.layers > 1 ? 0.3 : 0;
    settings.optimizer.learning_rate = 0.02;
    settings.optimizer.clip_norm = 0.5;
    for (std::size_t m = 0; m < models; ++m) series.emplace_back(shape, 40 + 9 * m, m + 1);
    for (std::size_t m = 0; m < models; ++m) {
      ManyTask& task = tasks.emplace_back();
      task.training = task.validation = series[m].batch();
      task.training.starts = task.training.starts.first(30 + 5 * m);
      task.validation.starts = task.validation.starts.subspan(30 + 5 * m);
      task.batch_size = 16;
      task.seed = m;
      task.dropout_seed = 100 + m;
      start.emplace_back().parameters = random_parameters(shape, 50 + m);
    }
  }
  std::vector<ManyState> run(std::size_t threads, std::size_t piece = 100) const {
    std::vector<ManyState> states = start;
    for (bool more = true; more;) {
      EXPECT_TRUE(train_many_cpu(states, tasks, settings, piece, threads));
      more = std::ranges::any_of(states, [](const ManyState& s) { return s.end == ManyEnd::none; });
    }
    return states;
  }
};

inline void expect_same(const ManyState& a, const ManyState& b, const std::string& what) {
  EXPECT_EQ(a.parameters, b.parameters) << what;
  EXPECT_EQ(a.best_parameters, b.best_parameters) << what;
  EXPECT_EQ(a.optimizer.first_moment, b.optimizer.first_moment) << what;
  EXPECT_EQ(a.optimizer.second_moment, b.optimizer.second_moment) << what;
  EXPECT_EQ(a.optimizer.steps, b.optimizer.steps) << what;
  EXPECT_EQ(a.best_epoch, b.best_epoch) << what;
  EXPECT_EQ(a.end, b.end) << what;
  ASSERT_EQ(a.history.size(), b.history.size()) << what;
  for (std::size_t e = 0; e < a.history.size(); ++e) {
    EXPECT_TRUE(e == 0 || a.history[e].training == b.history[e].training) << what << " epoch " << e;
    EXPECT_EQ(a.history[e].validation, b.history[e].validation) << what << " epoch " << e;
  }
}

}  // namespace tidegauge::test
