#include "ingest/source/block_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tidegauge {

Status BlockReader::more(std::size_t bytes) {
  if (final_) return {};
  const std::size_t kept = size();
  const std::size_t wanted = std::max(bytes, kept);
  if (capacity_ < kept + wanted) {
    // Half a block to spare, so that the usual cut record does not make the next block reallocate.
    const std::size_t capacity = kept + wanted + block_bytes_ / 2;
    auto larger = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
    if (kept != 0) std::memcpy(larger.get(), begin(), kept);
    buffer_ = std::move(larger);
    capacity_ = capacity;
  } else if (kept != 0) {
    std::memmove(buffer_.get(), begin(), kept);
  }
  begin_ = 0;
  end_ = kept;
  const bool stopped_before = source_.reached_stop();
  auto got = source_.read(buffer_.get() + end_, wanted);
  if (!got) return std::move(got).error();
  end_ += *got;
  const bool at_stop = source_.reached_stop() && !stopped_before;
  final_ = *got < wanted && !at_stop;
  return {};
}

}  // namespace tidegauge
