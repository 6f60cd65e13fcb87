// The series of some keys of one kind (`bin --by`), as models see them: every key over the same intervals, zero where it
// did not come, with the coverage of the point.
// Cost: one pass over the keys' chunks; memory: 16 bytes a key and interval. Thread safety: a value.
// Tested by tests/host/keyed_trainer_test.cpp.
#pragma once

#include <string>
#include <vector>

#include "host/store.hpp"

namespace tidegauge {

class KeyedSeries {
 public:
  /// @param wanted a key listed there that never came, or twice, is a usage error, and so is no key at all.
  static Expected<KeyedSeries> read(const SeriesFile& file, const SeriesFile::Query& query,
                                    const SeriesFile::KeyQuery& wanted);

  const std::string& kind() const { return kind_; }
  const std::vector<SeriesFile::KeyTotal>& keys() const { return keys_; }
  bool approximate() const { return approximate_; }  ///< counted without a list of keys: a key may lack packets
  std::size_t intervals() const { return frame_.size(); }
  /// Columns packets and bytes of one key.
  IntervalSeries series(std::size_t key) const;

 private:
  Status read_counts(const SeriesFile& file, const SeriesFile::Query& query);

  std::string kind_;
  std::vector<SeriesFile::KeyTotal> keys_;
  bool approximate_ = false;
  IntervalSeries frame_;  ///< without values
  std::vector<std::vector<double>> values_;  ///< per key [intervals][packets, bytes]
};

}  // namespace tidegauge
