// A section of a pcapng file as far as its packets need it: a section header and the interface blocks so far, as bytes
// that a walker can be fed with before it begins in the middle of the section.
// Memory: 64 KiB, more than a thousand usual interfaces; beyond that there are no bytes.
// Tested by tests/ingest/extract_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tidegauge {

class PcapngHead {
 public:
  static constexpr std::size_t section_bytes = 28;  ///< of the section header in front
  static constexpr std::size_t most_bytes = std::size_t{64} << 10;
  /// `swapped`: byte order of the section.
  explicit PcapngHead(bool swapped);
  /// The next interface's whole block; none of one that was seen but could not be read, which keeps its number.
  void add_interface(std::span<const std::uint8_t> block);
  std::optional<std::span<const std::uint8_t>> bytes() const;
  friend bool operator==(const PcapngHead&, const PcapngHead&) = default;

 private:
  bool swapped_;
  bool complete_ = true;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace tidegauge
