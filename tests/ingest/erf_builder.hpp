// Writes ERF files for tests, as the cards' guides describe the records.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/ingest/capture_builder.hpp"

namespace tidegauge::test {

struct ErfShape {
  std::uint8_t type = 2;
  std::uint8_t flags = 4;  ///< varying record lengths
  int extension_headers = 0;
  std::uint16_t lost = 0;       ///< or the colour
  std::size_t align = 8;        ///< records are padded to a multiple of it
  std::size_t fixed_bytes = 0;  ///< and to this length
};

class ErfBuilder {
 public:
  /// `wire` counts the frame check sequence, as the cards do; `payload` is what was captured of it.
  void record(std::uint64_t time, const Bytes& payload, std::uint16_t wire, const ErfShape& shape = {}) {
    starts.push_back(bytes.size());
    const std::size_t start = bytes.size();
    put(bytes, time, 8, false);
    put(bytes, shape.type | (shape.extension_headers > 0 ? 0x80u : 0u), 1, true);
    put(bytes, shape.flags, 1, true);
    put(bytes, 0, 2, true);
    put(bytes, shape.lost, 2, true);
    put(bytes, wire, 2, true);
    for (int i = 1; i <= shape.extension_headers; ++i) {
      put(bytes, 3 | (i < shape.extension_headers ? 0x80u : 0u), 1, true);
      put(bytes, 0xfeff00ff00ff00, 7, true);
    }
    put(bytes, 0, sub_header_bytes(shape.type), true);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    while ((bytes.size() - start) % shape.align != 0 || bytes.size() - start < shape.fixed_bytes)
      bytes.push_back(0xee);
    Bytes length;
    put(length, bytes.size() - start, 2, true);
    std::copy(length.begin(), length.end(), bytes.begin() + static_cast<std::ptrdiff_t>(start + 10));
  }

  Bytes bytes;
  std::vector<std::size_t> starts;  // of the records

 private:
  static int sub_header_bytes(std::uint8_t type) {
    switch (type) {
      case 2:
      case 11:
      case 16:
      case 20:
        return 2;
      case 5:
      case 17:
        return 4;
      default:
        return 0;
    }
  }
};

/// `seconds` since the epoch and a fraction in units of 2^-32 seconds.
inline std::uint64_t erf_time(std::uint64_t seconds, std::uint32_t fraction) {
  return seconds << 32 | fraction;
}

/// Ethernet records as a card writes them, some cut by a snaplen, some with losses before them.
inline ErfBuilder ordinary_erf(Random& random, int count, ErfShape shape = {}, std::uint32_t longest = 100) {
  ErfBuilder erf;
  for (int i = 0; i < count; ++i) {
    const Bytes payload = random_payload(random, 1 + random() % longest);
    shape.lost = i % 7 == 3 ? static_cast<std::uint16_t>(random()) : 0;
    erf.record(erf_time(1'600'000'000u + static_cast<std::uint64_t>(i) * 3, random()), payload,
               static_cast<std::uint16_t>(payload.size() + 4 + (i % 3 == 0 ? random() % 1400 : 0)), shape);
  }
  return erf;
}

}  // namespace tidegauge::test
