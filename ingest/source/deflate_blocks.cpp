#include "ingest/source/deflate_blocks.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace tidegauge {
namespace {

// Code tables -----
//
// Indexed by the next bits of the input, the first bit lowest. A code longer than the index leads to a second table.
// Entry of a literal: 4:0 bits it takes, 15:8 the literal. (Two literals in one entry were tried: filling such a table
// costs more than it gains where blocks are short, as those of gzip -6 are: 5 KiB of headers.) Of a length: 4:0 bits with the extra ones, 11:8 of the code alone, 24:16 base. Of a distance: the same, 26:12 base.
// With kSpecial: kEnd, the end of the block; kLonger, 4:0 bits of the index, 11:8 bits of the second table, 26:12 where
// it lies; neither: no such code.

constexpr std::uint32_t kLiteral = 1u << 31, kSpecial = 1u << 29, kEnd = 1u << 28, kLonger = 1u << 27;

constexpr unsigned kLiteralBits = 11, kDistanceBits = 9, kLengthBits = 7;
constexpr unsigned kLongestCode = 15;
constexpr unsigned kLiteralCodes = 286, kDistanceCodes = 30, kMostLengths = 320;
// Second tables hold at most twice the entries of their codes.
constexpr std::size_t kSecondLiterals = 2 * 288 * 2, kSecondDistances = 2 * 64 * 8;

std::uint64_t load64(const std::uint8_t* from) {
  std::uint64_t value;  // little endian, as everything that ISA-L and this project run on
  std::memcpy(&value, from, sizeof value);
  return value;
}

constexpr std::uint64_t low_bits(unsigned count) { return (std::uint64_t{1} << count) - 1; }

constexpr std::array<std::uint16_t, 29> kLengthBase{3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                                    31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr std::array<std::uint8_t, 29> kLengthExtra{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                    2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};

std::uint32_t literal_entry(unsigned symbol, unsigned bits) {
  if (symbol < 256) return kLiteral | symbol << 8 | bits;
  if (symbol == 256) return kSpecial | kEnd | bits;
  if (symbol >= kLiteralCodes) return kSpecial;
  const unsigned length = symbol - 257;
  return std::uint32_t{kLengthBase[length]} << 16 | bits << 8 | (bits + kLengthExtra[length]);
}

std::uint32_t distance_entry(unsigned symbol, unsigned bits) {
  if (symbol >= kDistanceCodes) return kSpecial;
  const unsigned extra = symbol < 2 ? 0 : symbol / 2 - 1;
  const unsigned base = symbol < 2 ? symbol + 1 : 1 + ((2 + (symbol & 1)) << extra);
  return base << 12 | bits << 8 | (bits + extra);
}

std::uint32_t length_entry(unsigned symbol, unsigned bits) { return symbol << 8 | bits; }

using CountOfLength = std::array<unsigned, kLongestCode + 1>;

/// How many codes there are of each length; false unless they are a complete code. `lone`: one code of one bit, or none,
/// will also do (RFC 1951 section 3.2.7).
bool complete(CountOfLength& count, std::span<const std::uint8_t> lengths, bool lone) {
  count.fill(0);
  for (const std::uint8_t length : lengths) ++count[length];
  int left = 1;
  for (unsigned length = 1; length <= kLongestCode; ++length) {
    left = 2 * left - static_cast<int>(count[length]);
    if (left < 0) return false;
  }
  const std::size_t codes = lengths.size() - count[0];
  return left == 0 || (lone && codes <= 1 && count[1] == codes);
}

std::uint32_t reversed(std::uint32_t code, unsigned bits) {
  code = (code & 0x5555) << 1 | (code >> 1 & 0x5555);
  code = (code & 0x3333) << 2 | (code >> 2 & 0x3333);
  code = (code & 0x0f0f) << 4 | (code >> 4 & 0x0f0f);
  code = (code & 0x00ff) << 8 | code >> 8;
  return code >> (16 - bits);
}

/// Fills `table` (2^index_bits entries and the second tables) for canonical codes. False unless the code is complete.
template <class Entry>
bool build(std::uint32_t* table, unsigned index_bits, std::span<const std::uint8_t> lengths, bool lone, Entry entry) {
  CountOfLength count;
  if (!complete(count, lengths, lone)) return false;
  std::array<unsigned, kLongestCode + 2> first{};
  for (unsigned bits = 1; bits <= kLongestCode; ++bits) first[bits + 1] = first[bits] + count[bits];
  std::array<std::uint16_t, kMostLengths> by_length;
  for (unsigned symbol = 0; symbol < lengths.size(); ++symbol) {
    if (lengths[symbol] != 0) by_length[first[lengths[symbol]]++] = static_cast<std::uint16_t>(symbol);
  }
  const std::uint16_t* symbol = by_length.data();
  std::uint32_t code = 0;
  // Codes of n bits, written once into a table of 2^n entries, which is doubled for those of n + 1.
  table[0] = kSpecial;
  for (unsigned bits = 1; bits <= index_bits; ++bits, code <<= 1) {
    std::copy_n(table, std::size_t{1} << (bits - 1), table + (std::size_t{1} << (bits - 1)));
    for (unsigned i = 0; i < count[bits]; ++i) table[reversed(code++, bits)] = entry(*symbol++, bits);
  }
  std::uint32_t prefix_of_table = ~0u, at = 1u << index_bits, table_bits = 0, table_at = 0;
  for (unsigned bits = index_bits + 1; bits <= kLongestCode; ++bits, code <<= 1) {
    for (unsigned i = 0; i < count[bits]; ++i) {
      const std::uint32_t index = reversed(code++, bits), prefix = index & static_cast<std::uint32_t>(low_bits(index_bits));
      if (prefix != prefix_of_table) {
        prefix_of_table = prefix;
        table_bits = bits - index_bits;
        // As many bits as the codes that begin with this prefix need: they follow one another.
        for (unsigned held = count[bits] - i; held < 1u << table_bits && index_bits + table_bits < kLongestCode;) {
          held = 2 * held + count[index_bits + ++table_bits];
        }
        table_at = at;
        at += 1u << table_bits;
        table[prefix] = kSpecial | kLonger | table_at << 12 | table_bits << 8 | index_bits;
      }
      const std::uint32_t what = entry(*symbol++, bits);
      for (std::uint32_t k = index >> index_bits; k < 1u << table_bits; k += 1u << (bits - index_bits)) {
        table[table_at + k] = what;
      }
    }
  }
  return true;
}

// Input -----

/// Whoever reads keeps 32 bytes of input ahead; refill() takes eight at once.
struct BitReader {
  const std::uint8_t* next;
  std::uint64_t buffer;
  unsigned bits;

  /// At least 56 bits are there.
  void refill() {
    buffer |= load64(next) << bits;
    next += (63 - bits) >> 3;
    bits |= 56;
  }
  std::uint32_t peek(unsigned count) const { return static_cast<std::uint32_t>(buffer & low_bits(count)); }
  void drop(unsigned count) {
    buffer >>= count;
    bits -= count;
  }
  std::uint32_t take(unsigned count) {
    const std::uint32_t value = peek(count);
    drop(count);
    return value;
  }
};

BitReader reader_at(std::span<const std::uint8_t> input, std::uint64_t bit) {
  BitReader in{input.data() + bit / 8, 0, 0};
  in.refill();
  in.drop(bit & 7);
  return in;
}

struct CodeLengths {
  std::array<std::uint8_t, kMostLengths> lengths;
  unsigned literals = 0, distances = 0;
  std::span<const std::uint8_t> of_literals() const { return {lengths.data(), literals}; }
  std::span<const std::uint8_t> of_distances() const { return {lengths.data() + literals, distances}; }
};

constexpr std::array<std::uint8_t, 19> kOrderOfLengths{16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                       11, 4,  12, 3, 13, 2, 14, 1, 15};

/// Behind the three bits that begin a dynamic block (RFC 1951 section 3.2.7). Takes at most 600 bytes.
bool read_lengths(BitReader& in, CodeLengths& codes) {
  in.refill();
  codes.literals = in.take(5) + 257;
  codes.distances = in.take(5) + 1;
  const unsigned given = in.take(4) + 4;
  if (codes.literals > kLiteralCodes || codes.distances > kDistanceCodes) return false;
  std::array<std::uint8_t, 19> lengths{};
  for (unsigned i = 0; i < given; ++i) {
    if (in.bits < 3) in.refill();
    lengths[kOrderOfLengths[i]] = static_cast<std::uint8_t>(in.take(3));
  }
  std::array<std::uint32_t, 1u << kLengthBits> table;
  if (!build(table.data(), kLengthBits, lengths, false, length_entry)) return false;
  for (unsigned i = 0, all = codes.literals + codes.distances; i < all;) {
    in.refill();
    const std::uint32_t entry = table[in.peek(kLengthBits)];
    in.drop(entry & 31);
    const unsigned symbol = entry >> 8;
    if (symbol < 16) {
      codes.lengths[i++] = static_cast<std::uint8_t>(symbol);
      continue;
    }
    if (symbol == 16 && i == 0) return false;
    const std::uint8_t repeated = symbol == 16 ? codes.lengths[i - 1] : std::uint8_t{0};
    const unsigned times = symbol == 16 ? 3 + in.take(2) : symbol == 17 ? 3 + in.take(3) : 11 + in.take(7);
    if (times > all - i) return false;
    std::fill_n(codes.lengths.begin() + i, times, repeated);
    i += times;
  }
  return codes.lengths[256] != 0;
}

// Output -----

/// A match. Writes up to 15 bytes more.
template <class T>
void copy_match(T* out, std::size_t distance, std::size_t length) {
  constexpr std::size_t kAtOnce = 16 / sizeof(T);
  const T* from = out - distance;
  T* const end = out + length;
  if (distance >= kAtOnce) {
    do {
      std::memcpy(out, from, 16);
      out += kAtOnce;
      from += kAtOnce;
    } while (out < end);
  } else if (distance == 1) {
    std::fill_n(out, length, *from);
  } else {
    do *out++ = *from++;
    while (out < end);
  }
}

}  // namespace

struct DeflateBlocks::Tables {
  std::array<std::uint32_t, (1u << kLiteralBits) + kSecondLiterals> literals;
  std::array<std::uint32_t, (1u << kDistanceBits) + kSecondDistances> distances;

  bool build_from(std::span<const std::uint8_t> of_literals, std::span<const std::uint8_t> of_distances) {
    if (!build(literals.data(), kLiteralBits, of_literals, false, literal_entry)) return false;
    return build(distances.data(), kDistanceBits, of_distances, true, distance_entry);
  }
};

namespace {

/// RFC 1951 section 3.2.6.
const DeflateBlocks::Tables& fixed_tables() {
  static const auto tables = [] {
    std::array<std::uint8_t, 288> literals;
    std::fill_n(literals.begin(), 144, std::uint8_t{8});
    std::fill_n(literals.begin() + 144, 112, std::uint8_t{9});
    std::fill_n(literals.begin() + 256, 24, std::uint8_t{7});
    std::fill_n(literals.begin() + 280, 8, std::uint8_t{8});
    std::array<std::uint8_t, 32> distances;
    distances.fill(5);
    auto built = std::make_unique<DeflateBlocks::Tables>();
    built->build_from(literals, distances);
    return built;
  }();
  return *tables;
}

/// From within a coded block to its end, or to a place from which it can go on.
template <class T>
DeflateBlocks::Step decode_coded(BitReader& reader, const std::uint8_t* last_next, const DeflateBlocks::Tables& tables,
                                 DeflateOutput<T>& output) {
  using Step = DeflateBlocks::Step;
  constexpr std::uint64_t kLiteralIndex = low_bits(kLiteralBits), kDistanceIndex = low_bits(kDistanceBits);
  BitReader in = reader;  // in registers
  T* out = output.out;
  Step step = Step::broken;
  for (;;) {
    if (in.next > last_next || out >= output.end) {
      step = out >= output.end ? Step::output_full : Step::input_short;
      break;
    }
    in.refill();
    std::uint32_t entry = tables.literals[in.buffer & kLiteralIndex];
    const auto put_literal = [&] {
      *out++ = static_cast<T>(entry >> 8 & 0xff);
      in.drop(entry & 31);
      entry = tables.literals[in.buffer & kLiteralIndex];
    };
    if (entry & kLiteral) {  // four times eleven bits are there, and eleven to look at the next
      put_literal();
      if (entry & kLiteral) {
        put_literal();
        if (entry & kLiteral) {
          put_literal();
          if (entry & kLiteral) {
            put_literal();
            continue;
          }
        }
      }
      in.refill();
    }
    if (entry & kSpecial) [[unlikely]] {
      if (entry & kLonger) {
        in.drop(entry & 31);
        entry = tables.literals[(entry >> 12 & 0x7fff) + in.peek(entry >> 8 & 15)];
        if (entry & kLiteral) {
          *out++ = static_cast<T>(entry >> 8 & 0xff);
          in.drop((entry & 31) - kLiteralBits);
          continue;
        }
        if (entry & kEnd) entry -= kLiteralBits;
        if (!(entry & kSpecial)) entry -= kLiteralBits << 8 | kLiteralBits;
      }
      if (entry & kSpecial) {
        if (!(entry & kEnd)) break;
        in.drop(entry & 31);
        step = Step::block_end;
        break;
      }
    }
    const std::size_t length = (entry >> 16) + ((in.buffer & low_bits(entry & 31)) >> (entry >> 8 & 15));
    in.drop(entry & 31);
    if (in.bits < kLongestCode + 13) [[unlikely]] in.refill();
    entry = tables.distances[in.buffer & kDistanceIndex];
    if (entry & kSpecial) [[unlikely]] {
      if (!(entry & kLonger)) break;
      in.drop(entry & 31);
      entry = tables.distances[(entry >> 12 & 0x7fff) + in.peek(entry >> 8 & 15)];
      if (entry & kSpecial) break;
      entry -= kDistanceBits << 8 | kDistanceBits;
    }
    const std::size_t distance = (entry >> 12) + ((in.buffer & low_bits(entry & 31)) >> (entry >> 8 & 15));
    in.drop(entry & 31);
    if (distance > static_cast<std::size_t>(out - output.begin)) [[unlikely]] break;
    copy_match(out, distance, length);
    out += length;
  }
  reader = in;
  output.out = out;
  return step;
}

}  // namespace

DeflateBlocks::DeflateBlocks() : tables_(std::make_unique<Tables>()) {}
DeflateBlocks::~DeflateBlocks() = default;

void DeflateBlocks::begin(std::span<const std::uint8_t> input, std::uint64_t bit) {
  kind_ = Kind::none;
  feed(input, bit);
}

void DeflateBlocks::feed(std::span<const std::uint8_t> input, std::uint64_t bit) {
  input_ = input;
  next_ = input.data() + bit / 8;
  buffer_ = bits_ = 0;
  if (bit & 7) {
    buffer_ = std::uint64_t{*next_++} >> (bit & 7);
    bits_ = static_cast<unsigned>(8 - (bit & 7));
  }
}

DeflateBlocks::Step DeflateBlocks::begin_block() {
  if (bytes_left() < kInputAhead) return Step::input_short;
  BitReader in = reader_at(input_, bit());
  last_ = in.take(1) != 0;
  const std::uint32_t type = in.take(2);
  kind_ = type == 0 ? Kind::stored : type == 1 ? Kind::fixed : Kind::dynamic;
  bool good = type != 3;
  if (kind_ == Kind::dynamic && good) {
    CodeLengths codes;
    good = read_lengths(in, codes) && tables_->build_from(codes.of_literals(), codes.of_distances());
  } else if (kind_ == Kind::stored) {
    in.drop(in.bits & 7);
    in.refill();
    const std::uint32_t sizes = in.take(32);
    good = ((sizes ^ sizes >> 16) & 0xffff) == 0xffff;
    stored_left_ = sizes & 0xffff;
  }
  next_ = in.next;
  buffer_ = in.buffer;
  bits_ = in.bits;
  if (!good) kind_ = Kind::none;
  return good ? Step::block_end : Step::broken;
}

template <class T>
DeflateBlocks::Step DeflateBlocks::decode_stored(DeflateOutput<T>& output) {
  const auto room = static_cast<std::size_t>(std::max<std::ptrdiff_t>(output.end - output.out, 0));
  const std::size_t part = std::min({stored_left_, room, bytes_left()});
  const std::uint64_t at = bit() / 8;
  output.out = std::copy_n(input_.data() + at, part, output.out);
  feed(input_, (at + part) * 8);
  stored_left_ -= part;
  if (stored_left_ == 0) return Step::block_end;
  return part == room ? Step::output_full : Step::input_short;
}

template <class T>
DeflateBlocks::Step DeflateBlocks::decode(DeflateOutput<T>& output) {
  Step step;
  if (kind_ == Kind::stored) {
    step = decode_stored(output);
  } else if (bytes_left() < 40) {
    return Step::input_short;
  } else {
    BitReader in{next_, buffer_, bits_};
    step = decode_coded(in, input_.data() + input_.size() - 32, kind_ == Kind::fixed ? fixed_tables() : *tables_, output);
    next_ = in.next;
    buffer_ = in.buffer;
    bits_ = in.bits;
  }
  if (step == Step::block_end || step == Step::broken) kind_ = Kind::none;
  return step;
}

template DeflateBlocks::Step DeflateBlocks::decode(DeflateOutput<std::uint8_t>&);
template DeflateBlocks::Step DeflateBlocks::decode(DeflateOutput<DeflateSymbol>&);

// Guessing -----

namespace {

/// By four code lengths of three bits: their sum of 2^(7 - length), which is 128 for all of a complete code.
constexpr auto kShareOfFour = [] {
  std::array<std::uint16_t, 4096> share{};
  for (unsigned four = 0; four < share.size(); ++four) {
    for (unsigned rest = four; rest != 0; rest >>= 3) {
      if (rest & 7) share[four] = static_cast<std::uint16_t>(share[four] + (128u >> (rest & 7)));
    }
  }
  return share;
}();

/// `bits`: 64 from the block's first one; `lengths`: 57 from the 18th.
bool may_be_header(std::uint64_t bits, std::uint64_t lengths) {
  if ((bits & 7) != 4 || (bits >> 3 & 31) > kLiteralCodes - 257 || (bits >> 8 & 31) > kDistanceCodes - 1) return false;
  lengths &= low_bits(3 * static_cast<unsigned>((bits >> 13 & 15) + 4));
  unsigned share = 0;
  for (; lengths != 0; lengths >>= 12) share += kShareOfFour[lengths & 4095];
  return share == 128;
}

}  // namespace

std::optional<std::uint64_t> find_block(std::span<const std::uint8_t> input, std::uint64_t from, std::uint64_t to) {
  constexpr std::size_t kHeader = 1024;
  if (input.size() < kHeader) return std::nullopt;
  to = std::min<std::uint64_t>(to, (input.size() - kHeader) * 8);
  const std::uint8_t* const bytes = input.data();
  for (std::uint64_t bit = from; bit < to; ++bit) {
    const std::uint64_t bits = load64(bytes + bit / 8) >> (bit & 7);
    if ((bits & 7) != 4) continue;
    const std::uint64_t behind = bit + 17;
    if (!may_be_header(bits, load64(bytes + behind / 8) >> (behind & 7))) continue;
    BitReader in = reader_at(input, bit + 3);
    CodeLengths codes;
    CountOfLength count;
    if (read_lengths(in, codes) && complete(count, codes.of_literals(), false) &&
        complete(count, codes.of_distances(), true)) {
      return bit;
    }
  }
  return std::nullopt;
}

void fill_placeholders(DeflateSymbol* window) {
  for (std::size_t i = 0; i < kDeflateWindow; ++i) window[i] = static_cast<DeflateSymbol>(kPlaceholder | i);
}

SymbolBytes::SymbolBytes() : table_(std::make_unique<std::uint8_t[]>(std::size_t{kPlaceholder} + kDeflateWindow)) {
  for (unsigned byte = 0; byte < 256; ++byte) table_[byte] = static_cast<std::uint8_t>(byte);
}

void SymbolBytes::set_window(std::span<const std::uint8_t, kDeflateWindow> window) {
  std::copy(window.begin(), window.end(), table_.get() + kPlaceholder);
}

void SymbolBytes::replace(std::uint8_t* out, const DeflateSymbol* symbols, std::size_t count) const {
  constexpr std::size_t kAtOnce = 8;
  const std::uint8_t* const table = table_.get();
  std::size_t i = 0;
  for (; i + kAtOnce <= count; i += kAtOnce) {
    std::array<DeflateSymbol, kAtOnce> some;  // read before what may be the same memory is written
    std::array<std::uint8_t, kAtOnce> bytes;
    std::memcpy(some.data(), symbols + i, sizeof some);
    for (std::size_t k = 0; k < kAtOnce; ++k) bytes[k] = table[some[k]];
    std::memcpy(out + i, bytes.data(), sizeof bytes);
  }
  for (; i < count; ++i) out[i] = table[symbols[i]];
}

}  // namespace tidegauge
