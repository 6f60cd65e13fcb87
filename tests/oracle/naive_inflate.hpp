// Deflate (RFC 1951) a bit at a time, to learn what comes before a fault. As ISA-L and unlike zlib it reads a block whose
// codes are incomplete, up to a code that is not assigned.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tidegauge::oracle {

class NaiveInflate {
 public:
  /// `deflated` begins with a block. No more than `most` bytes are decoded.
  explicit NaiveInflate(std::span<const std::uint8_t> deflated, std::size_t most = std::size_t{1} << 30)
      : in_(deflated), most_(most) {
    try {
      while (!block()) {
      }
      complete_ = true;
    } catch (const Stop&) {
    }
  }
  /// All that was decoded before the end, the cut or the fault.
  const std::vector<std::uint8_t>& bytes() const { return out_; }
  bool complete() const { return complete_; }

 private:
  struct Stop {};

  struct Code {
    std::array<unsigned, 16> of_length{};
    std::vector<unsigned> symbols;  ///< by length, then by number

    explicit Code(const std::vector<unsigned>& lengths) {
      for (unsigned length = 1; length < 16; ++length) {
        for (unsigned symbol = 0; symbol < lengths.size(); ++symbol) {
          if (lengths[symbol] != length) continue;
          symbols.push_back(symbol);
          ++of_length[length];
        }
      }
      int left = 1;
      for (unsigned length = 1; length < 16; ++length) {
        left = 2 * left - static_cast<int>(of_length[length]);
        if (left < 0) throw Stop{};
      }
    }
  };

  void put(unsigned byte) {
    if (out_.size() == most_) throw Stop{};
    out_.push_back(static_cast<std::uint8_t>(byte));
  }
  unsigned bit() {
    if (bit_ / 8 >= in_.size()) throw Stop{};
    const unsigned value = in_[bit_ / 8] >> (bit_ % 8) & 1;
    ++bit_;
    return value;
  }
  unsigned bits(unsigned count) {
    unsigned value = 0;
    for (unsigned i = 0; i < count; ++i) value |= bit() << i;
    return value;
  }
  unsigned symbol(const Code& code) {
    unsigned value = 0, first = 0, index = 0;
    for (unsigned length = 1; length < 16; ++length) {
      value |= bit();
      const unsigned count = code.of_length[length];
      if (value - first < count) return code.symbols[index + value - first];
      index += count;
      first = (first + count) << 1;
      value <<= 1;
    }
    throw Stop{};
  }

  /// True if it was the last.
  bool block() {
    const bool last = bit();
    switch (bits(2)) {
      case 0:
        stored();
        break;
      case 1:
        fixed();
        break;
      case 2:
        dynamic();
        break;
      default:
        throw Stop{};
    }
    return last;
  }

  void stored() {
    bit_ = (bit_ + 7) / 8 * 8;
    const unsigned size = bits(16);
    if ((size ^ bits(16)) != 0xffff) throw Stop{};
    for (unsigned i = 0; i < size; ++i) put(bits(8));
  }

  void fixed() {
    std::vector<unsigned> literals(288, 8), distances(32, 5);
    for (unsigned i = 144; i < 256; ++i) literals[i] = 9;
    for (unsigned i = 256; i < 280; ++i) literals[i] = 7;
    coded(Code(literals), Code(distances));
  }

  void dynamic() {
    constexpr std::array<unsigned, 19> kOrder{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    const unsigned literals = bits(5) + 257, distances = bits(5) + 1, given = bits(4) + 4;
    if (literals > 286 || distances > 30) throw Stop{};
    std::vector<unsigned> of_lengths(19), lengths;
    for (unsigned i = 0; i < given; ++i) of_lengths[kOrder[i]] = bits(3);
    const Code code(of_lengths);
    while (lengths.size() < literals + distances) {
      const unsigned what = symbol(code);
      if (what == 16 && lengths.empty()) throw Stop{};
      const unsigned times = what == 16 ? 3 + bits(2) : what == 17 ? 3 + bits(3) : what == 18 ? 11 + bits(7) : 1;
      lengths.insert(lengths.end(), times, what < 16 ? what : what == 16 ? lengths.back() : 0);
    }
    if (lengths.size() > literals + distances || lengths[256] == 0) throw Stop{};
    const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(literals);
    coded(Code({lengths.begin(), middle}), Code({middle, lengths.end()}));
  }

  void coded(const Code& literals, const Code& distances) {
    constexpr std::array<unsigned, 29> kLength{3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                               31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    constexpr std::array<unsigned, 29> kLengthBits{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                   2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    for (unsigned what = symbol(literals); what != 256; what = symbol(literals)) {
      if (what < 256) {
        put(what);
        continue;
      }
      if (what - 257 >= kLength.size()) throw Stop{};
      const unsigned length = kLength[what - 257] + bits(kLengthBits[what - 257]);
      const unsigned far = symbol(distances);
      if (far > 29) throw Stop{};
      const unsigned extra = far < 2 ? 0 : far / 2 - 1;
      const std::size_t distance = (far < 2 ? far + 1 : 1 + ((2 + (far & 1)) << extra)) + bits(extra);
      if (distance > out_.size()) throw Stop{};
      for (unsigned i = 0; i < length; ++i) put(out_[out_.size() - distance]);
    }
  }

  std::span<const std::uint8_t> in_;
  std::size_t bit_ = 0, most_;
  std::vector<std::uint8_t> out_;
  bool complete_ = false;
};

}  // namespace tidegauge::oracle
