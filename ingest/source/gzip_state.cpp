#include "ingest/source/gzip_state.hpp"

#include <isa-l.h>
#include <zstd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace tidegauge {
namespace {

constexpr std::int32_t kHistory = ISAL_DEF_HIST_SIZE;

/// What precedes the packed fields.
struct Frame {
  std::uint32_t isal_version = ISAL_VERSION;
  std::uint32_t state_bytes = sizeof(inflate_state);
  std::uint64_t checksum = 0;  ///< XXH3 of all that follows
};

/// The scalars; behind them lie tmp_in, tmp_out up to tmp_out_valid and, in a coded block, the two tables.
struct Scalars {
  std::uint64_t read_in;
  std::int32_t read_in_length;
  std::uint32_t total_out;
  std::uint32_t block_state;
  std::uint32_t bfinal;
  std::uint32_t crc;
  std::int32_t type0_block_len;
  std::int32_t tmp_in_size;
  std::int32_t tmp_out_valid;
  std::int32_t tmp_out_processed;
  std::uint32_t reserved = 0;
};

constexpr std::size_t kMaxFields = sizeof(Scalars) + sizeof(inflate_state);

Error unusable(const char* what) { return Error{what, "", "begin at the beginning"}; }

bool can_be_saved(const inflate_state& state) {
  const auto block = state.block_state;
  return state.wrapper_flag == 1 && state.crc_flag == ISAL_GZIP &&
         (block == ISAL_BLOCK_NEW_HDR || block == ISAL_BLOCK_HDR || block == ISAL_BLOCK_TYPE0 ||
          block == ISAL_BLOCK_CODED || block == ISAL_BLOCK_INPUT_DONE) &&
         (block == ISAL_BLOCK_HDR || state.tmp_in_size == 0);
}

bool between(std::int64_t value, std::int64_t low, std::int64_t high) {
  return value >= low && value <= high;
}

bool plausible(const Scalars& s) {
  const bool known_block = s.block_state == ISAL_BLOCK_NEW_HDR || s.block_state == ISAL_BLOCK_HDR ||
                           s.block_state == ISAL_BLOCK_TYPE0 || s.block_state == ISAL_BLOCK_CODED ||
                           s.block_state == ISAL_BLOCK_INPUT_DONE;
  return known_block && between(s.read_in_length, 0, 64) && s.bfinal <= 1 &&
         between(s.type0_block_len, 0, 0xffff) &&
         between(s.tmp_in_size, 0, s.block_state == ISAL_BLOCK_HDR ? ISAL_DEF_MAX_HDR_SIZE : 0) &&
         between(s.tmp_out_valid, 0, 2 * kHistory + ISAL_LOOK_AHEAD) &&
         // While it still decodes, ISA-L leaves no more than a window of delivered bytes in its buffer.
         between(
             s.tmp_out_processed, 0,
             s.block_state == ISAL_BLOCK_INPUT_DONE ? s.tmp_out_valid : std::min(s.tmp_out_valid, kHistory));
}

// Entries of the tables, as make_inflate_huff_code_lit_len() and _dist() of igzip_inflate.c write them. A
// length or end-of-block symbol is 256 + what; a length of n bytes is 254 + n, at most 512.
constexpr std::uint32_t kLargestSymbol = 512;

/// Bits 31:28 code length (0: no such code), 27:26 number of symbols, 25 flag, 24:0 symbols of eight bits,
/// the last as long as it likes. With the flag: 31:26 longest code (13 to 21 bits), 24:0 where its long codes
/// begin.
bool plausible_literal(std::uint32_t entry) {
  constexpr std::uint32_t kFlag = 1u << 25;
  const std::uint32_t symbols = entry & (kFlag - 1);
  if (entry >> 28 == 0) return true;
  if (entry & kFlag) {
    const std::uint32_t longest = entry >> 26;
    return between(longest, ISAL_DECODE_LONG_BITS + 1, 21) &&
           symbols + (1u << (longest - ISAL_DECODE_LONG_BITS)) <= ISAL_HUFF_CODE_LARGE_LONG_ALIGNED;
  }
  const std::uint32_t count = entry >> 26 & 3;
  return count != 0 && symbols >> (8 * (count - 1)) <= kLargestSymbol;
}
/// Bits 15:10 code length, 9:0 symbol.
bool plausible_long_literal(std::uint16_t entry) {
  return entry >> 10 <= 21 && (entry & 0x3ffu) <= kLargestSymbol;
}

/// Bits 8:5 number of extra bits, 4:0 distance symbol (RFC 1951 section 3.2.5).
bool plausible_distance_symbol(std::uint32_t symbol_and_extra) {
  const std::uint32_t symbol = symbol_and_extra & 0x1f, extra = symbol_and_extra >> 5;
  return symbol < 30 && extra == (symbol < 4 ? 0 : symbol / 2 - 1);
}
/// An entry without a code length stands for no symbol; what it holds instead is the number of bits that tell
/// so.
bool plausible_no_distance(std::uint16_t entry) { return entry <= 15; }

/// Bits 15:11 code length, 10 flag, 8:0 symbol. With the flag: longest code (11 to 15 bits), where they
/// begin.
bool plausible_distance(std::uint16_t entry) {
  const std::uint32_t bits = entry >> 11, symbol = entry & 0x1ffu;
  if (bits == 0) return plausible_no_distance(entry);
  if (entry & 1u << 10) {
    return between(bits, ISAL_DECODE_SHORT_BITS + 1, 15) &&
           symbol + (1u << (bits - ISAL_DECODE_SHORT_BITS)) <= ISAL_HUFF_CODE_SMALL_LONG_ALIGNED;
  }
  return plausible_distance_symbol(symbol);
}
bool plausible_long_distance(std::uint16_t entry) {
  if (entry >> 10 == 0) return plausible_no_distance(entry);
  return entry >> 10 <= 15 && plausible_distance_symbol(entry & 0x1ffu);
}

bool plausible(const inflate_huff_code_large& literals, const inflate_huff_code_small& distances) {
  return std::ranges::all_of(literals.short_code_lookup, plausible_literal) &&
         std::ranges::all_of(literals.long_code_lookup, plausible_long_literal) &&
         std::ranges::all_of(distances.short_code_lookup, plausible_distance) &&
         std::ranges::all_of(distances.long_code_lookup, plausible_long_distance);
}

/// Takes from the front of `bytes`; false if there is not enough.
bool take(std::span<const std::uint8_t>& bytes, void* to, std::size_t size) {
  if (bytes.size() < size) return false;
  if (size != 0) std::memcpy(to, bytes.data(), size);
  bytes = bytes.subspan(size);
  return true;
}

void put(std::vector<std::uint8_t>& bytes, const void* from, std::size_t size) {
  const std::size_t before = bytes.size();
  bytes.resize(before + size);
  if (size != 0) std::memcpy(bytes.data() + before, from, size);
}

}  // namespace

namespace detail {

std::vector<std::uint8_t> pack_gzip_state(std::span<const std::uint8_t> fields) {
  Frame frame;
  std::vector<std::uint8_t> saved(sizeof frame + ZSTD_compressBound(fields.size()));
  const std::size_t packed = ZSTD_compress(saved.data() + sizeof frame, saved.size() - sizeof frame,
                                           fields.data(), fields.size(), 1);
  if (ZSTD_isError(packed)) return {};
  saved.resize(sizeof frame + packed);
  frame.checksum = XXH3_64bits(saved.data() + sizeof frame, packed);
  std::memcpy(saved.data(), &frame, sizeof frame);
  return saved;
}

Expected<std::vector<std::uint8_t>> unpack_gzip_state(std::span<const std::uint8_t> saved) {
  Frame frame;
  if (!take(saved, &frame, sizeof frame)) return unusable("a saved gzip state is cut off");
  if (frame.isal_version != ISAL_VERSION || frame.state_bytes != sizeof(inflate_state)) {
    return unusable("a saved gzip state is of another version of ISA-L");
  }
  if (XXH3_64bits(saved.data(), saved.size()) != frame.checksum) {
    return unusable("a saved gzip state does not match its checksum");
  }
  std::vector<std::uint8_t> fields(kMaxFields);
  const std::size_t bytes = ZSTD_decompress(fields.data(), fields.size(), saved.data(), saved.size());
  if (ZSTD_isError(bytes)) return unusable("a saved gzip state cannot be unpacked");
  fields.resize(bytes);
  return fields;
}

std::vector<std::uint8_t> gzip_state_fields(const inflate_state& state) {
  Scalars scalars{};
  scalars.read_in = state.read_in;
  scalars.read_in_length = state.read_in_length;
  scalars.total_out = state.total_out;
  scalars.block_state = static_cast<std::uint32_t>(state.block_state);
  scalars.bfinal = state.bfinal;
  scalars.crc = state.crc;
  scalars.type0_block_len = state.block_state == ISAL_BLOCK_TYPE0 ? state.type0_block_len : 0;
  scalars.tmp_in_size = state.tmp_in_size;
  scalars.tmp_out_valid = state.tmp_out_valid;
  scalars.tmp_out_processed = state.tmp_out_processed;
  std::vector<std::uint8_t> fields;
  put(fields, &scalars, sizeof scalars);
  put(fields, state.tmp_in_buffer, static_cast<std::size_t>(state.tmp_in_size));
  put(fields, state.tmp_out_buffer, static_cast<std::size_t>(state.tmp_out_valid));
  if (state.block_state == ISAL_BLOCK_CODED) {
    put(fields, &state.lit_huff_code, sizeof state.lit_huff_code);
    put(fields, &state.dist_huff_code, sizeof state.dist_huff_code);
  }
  return fields;
}

Status apply_gzip_state_fields(inflate_state& state, std::span<const std::uint8_t> fields) {
  const Error implausible = unusable("a saved gzip state holds values that ISA-L never writes");
  Scalars s;
  if (!take(fields, &s, sizeof s) || !plausible(s)) return implausible;
  if (!take(fields, state.tmp_in_buffer, static_cast<std::size_t>(s.tmp_in_size)) ||
      !take(fields, state.tmp_out_buffer, static_cast<std::size_t>(s.tmp_out_valid))) {
    return implausible;
  }
  if (s.block_state == ISAL_BLOCK_CODED &&
      (!take(fields, &state.lit_huff_code, sizeof state.lit_huff_code) ||
       !take(fields, &state.dist_huff_code, sizeof state.dist_huff_code) ||
       !plausible(state.lit_huff_code, state.dist_huff_code))) {
    return implausible;
  }
  if (!fields.empty()) return implausible;
  state.wrapper_flag = 1;  // the member's header lies behind us
  state.read_in = s.read_in;
  state.read_in_length = s.read_in_length;
  state.total_out = s.total_out;
  state.block_state = static_cast<isal_block_state>(s.block_state);
  state.bfinal = s.bfinal;
  state.crc = s.crc;
  state.type0_block_len = s.type0_block_len;
  state.tmp_in_size = static_cast<std::int16_t>(s.tmp_in_size);
  state.tmp_out_valid = s.tmp_out_valid;
  state.tmp_out_processed = s.tmp_out_processed;
  return {};
}

}  // namespace detail

std::vector<std::uint8_t> save_gzip_state(const inflate_state& state) {
  if (!can_be_saved(state)) return {};
  return detail::pack_gzip_state(detail::gzip_state_fields(state));
}

std::vector<std::uint8_t> save_gzip_state(const GzipBlockStart& block) {
  TG_REQUIRE(block.window.size() <= ISAL_DEF_HIST_SIZE && block.first_bit < 8, "no start of a block");
  const auto state = std::make_unique<inflate_state>();
  isal_inflate_init(state.get());
  state->crc_flag = ISAL_GZIP;
  state->wrapper_flag = 1;
  state->block_state = ISAL_BLOCK_NEW_HDR;
  if (block.first_bit != 0) {
    state->read_in = std::uint64_t{block.first_byte} >> block.first_bit;
    state->read_in_length = static_cast<std::int32_t>(8 - block.first_bit);
  }
  state->crc = block.crc;
  state->total_out = block.total_out;
  std::copy(block.window.begin(), block.window.end(), state->tmp_out_buffer);
  state->tmp_out_valid = state->tmp_out_processed = static_cast<std::int32_t>(block.window.size());
  return save_gzip_state(*state);
}

Status restore_gzip_state(inflate_state& state, std::span<const std::uint8_t> saved) {
  auto fields = detail::unpack_gzip_state(saved);
  if (!fields) return std::move(fields).error();
  return detail::apply_gzip_state_fields(state, *fields);
}

}  // namespace tidegauge
