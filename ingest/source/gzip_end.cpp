#include "ingest/source/gzip_end.hpp"

#include <algorithm>
#include <memory>
#include <vector>

namespace tidegauge {
namespace {

// No header of a block takes so many bytes (at most 286), with what ISA-L has read ahead of a symbol.
constexpr std::size_t kNearFault = 1024;

/// The whole bytes that ISA-L read ahead, taken back from it.
std::vector<std::uint8_t> take_back(inflate_state& state) {
  if (state.block_state != ISAL_BLOCK_CODED && state.block_state != ISAL_BLOCK_NEW_HDR) return {};
  const auto bytes = static_cast<std::size_t>(std::max(0, state.read_in_length)) / 8;
  const std::int32_t rest = state.read_in_length & 7;
  const std::uint64_t ahead = state.read_in >> rest;
  std::vector<std::uint8_t> taken(bytes);
  if (bytes != 0) std::memcpy(taken.data(), &ahead, bytes);
  state.read_in &= (std::uint64_t{1} << rest) - 1;
  state.read_in_length = rest;
  return taken;
}

/// Counts what ISA-L makes of input.
class Count {
 public:
  explicit Count(inflate_state& state) : state_(state), output_(2 * sizeof state.tmp_out_buffer) {}

  /// False at a fault.
  bool feed(std::span<const std::uint8_t> in) {
    state_.next_in = const_cast<std::uint8_t*>(in.data());
    state_.avail_in = static_cast<std::uint32_t>(in.size());
    do {
      state_.next_out = output_.data();
      state_.avail_out = static_cast<std::uint32_t>(output_.size());
      if (isal_inflate(&state_) != ISAL_DECOMP_OK) {
        bytes_ += static_cast<std::uint64_t>(state_.tmp_out_valid - state_.tmp_out_processed);
        bytes_ += output_.size() - state_.avail_out;
        return false;
      }
      bytes_ += output_.size() - state_.avail_out;
    } while (state_.avail_out == 0);
    return true;
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  inflate_state& state_;
  std::vector<std::uint8_t> output_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

GzipMark::Fault GzipMark::find_fault(std::span<const std::uint8_t> in, std::size_t used) const {
  const auto state = std::make_unique<inflate_state>();
  std::memcpy(state.get(), head_.data(), head_.size());
  std::vector<std::uint8_t> input = take_back(*state);
  const std::size_t ahead = input.size();
  input.insert(input.end(), in.begin(), in.end());
  Count count(*state);
  std::size_t fed = std::max(ahead + used, kNearFault) - kNearFault;
  count.feed({input.data(), fed});
  while (fed < input.size() && count.feed({input.data() + fed++, 1})) {
  }
  // The bit that could not be gone on from, whatever was read ahead; it may lie in the byte before the first one fed.
  const auto bit = static_cast<std::ptrdiff_t>((fed - state->avail_in) * 8) - std::max(0, state->read_in_length);
  return {count.bytes(), (bit >> 3) - static_cast<std::ptrdiff_t>(ahead)};
}

// Literals -----

namespace {

constexpr unsigned kIndexBits = ISAL_DECODE_LONG_BITS;
constexpr std::uint32_t kNoLiteral = 256;

/// Of an entry of ISA-L's table (laid out as gzip_state.cpp tells).
std::uint32_t first_symbol(std::uint32_t entry) {
  constexpr std::uint32_t kFlag = 1u << 25;
  if (entry >> 28 == 0 || entry & kFlag) return kNoLiteral;
  const std::uint32_t count = entry >> 26 & 3, symbols = entry & (kFlag - 1);
  return count > 1 ? symbols & 0xff : symbols;
}

struct Literal {
  std::uint32_t symbol;
  std::int32_t bits;
};

/// An entry of several symbols has not the length of the first: that is how many bits of the index no other code shares.
Literal first_literal(const inflate_huff_code_large& codes, std::uint64_t bits) {
  const auto* const table = codes.short_code_lookup;
  const std::uint32_t index = bits & ((1u << kIndexBits) - 1), symbol = first_symbol(table[index]);
  for (unsigned length = 1; length < kIndexBits; ++length) {
    const std::uint32_t step = 1u << length;
    bool alone = true;
    for (std::uint32_t i = index & (step - 1); i < 1u << kIndexBits; i += step) alone &= first_symbol(table[i]) == symbol;
    if (alone) return {symbol, static_cast<std::int32_t>(length)};
  }
  return {symbol, kIndexBits};
}

}  // namespace

std::size_t take_whole_literals(inflate_state& state, std::span<std::uint8_t> out) {
  std::size_t taken = 0;
  while (state.block_state == ISAL_BLOCK_CODED && state.avail_in == 0 && taken < out.size()) {
    const Literal next = first_literal(state.lit_huff_code, state.read_in);
    if (next.symbol >= kNoLiteral || next.bits > state.read_in_length) break;
    out[taken++] = static_cast<std::uint8_t>(next.symbol);
    state.read_in >>= next.bits;
    state.read_in_length -= next.bits;
  }
  return taken;
}

}  // namespace tidegauge
