// Series for the tests of learning: the real MAWI series and small made-up ones.
#pragma once

#include <cmath>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "kernels/core/random.hpp"
#include "kernels/data/interval_series.hpp"
#include "tests/support.hpp"

namespace tidegauge::test {

inline IntervalSeries series_of(const std::vector<double>& values, std::int64_t interval_ns = 1'000'000'000,
                                std::int64_t first_k = 0) {
  IntervalSeries s;
  s.point = "test";
  s.interval_ns = interval_ns;
  s.columns = {"value"};
  s.values = values;
  s.complete.assign(values.size(), 1);
  for (std::size_t i = 0; i < values.size(); ++i) s.k.push_back(first_k + static_cast<std::int64_t>(i));
  return s;
}

/// 180 intervals of 5 s of TCP bytes, MAWI 2016-01-09.
inline IntervalSeries mawi_5s() {
  std::ifstream in(shared_data() / "series/mawi_5s/clean_dataset_20160109.csv");
  std::string line;
  std::getline(in, line);
  std::vector<double> values;
  while (std::getline(in, line)) values.push_back(std::stod(line.substr(line.find(',') + 1)));
  return series_of(values, 5'000'000'000);
}

/// Two sines and noise, all positive: something that can be learned.
inline IntervalSeries waves(std::size_t rows, std::uint64_t seed = 1, std::int64_t interval_ns = 1'000'000'000) {
  RandomStream r(seed, 99);
  std::vector<double> values;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto t = static_cast<double>(i);
    values.push_back(1000 + 300 * std::sin(t / 7) + 150 * std::sin(t / 2.3) + 60 * r.unit());
  }
  return series_of(values, interval_ns);
}

}  // namespace tidegauge::test
