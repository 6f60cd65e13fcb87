#include "kernels/data/partial_series.hpp"

#include <numeric>

namespace tidegauge {

RecordAccount& RecordAccount::operator+=(const RecordAccount& other) {
  read += other.read;
  counted += other.counted;
  for (std::size_t i = 0; i < refused.size(); ++i) refused[i] += other.refused[i];
  skipped_bytes += other.skipped_bytes;
  captured_bytes += other.captured_bytes;
  return *this;
}

bool RecordAccount::adds_up() const {
  return read == std::accumulate(refused.begin(), refused.end(), counted);
}

}  // namespace tidegauge
