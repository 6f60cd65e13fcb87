// Deflate (RFC 1951) block by block, from any bit of the stream on, also where what lies before is not known.
//
// Problem: ISA-L and zlib decode from the beginning. To begin in the middle the 32 KiB before are needed, since a match
// may copy from there. Model: decode into 16-bit symbols whose first 32,768 are placeholders, each a name for one
// unknown byte; matches copy them like anything else, and SymbolBytes puts the bytes in once they are known
// (two-stage decoding, as in pugz and rapidgzip). Where a block begins is guessed from its header: find_block().
//
// Cost (one core, headers of a 2,000,000 packet trace): 600 MB/s into symbols, 650 into bytes where blocks are 90 KiB
// (gzip -1), 530 and 570 where they are 12 KiB (gzip -6); replacing 2.5 to 3 GB/s; searching 2 to 3 ns a bit.
// Tested by tests/ingest/deflate_blocks_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace tidegauge {

inline constexpr std::size_t kDeflateWindow = 32768;

/// A byte, or kPlaceholder + its index in the window before the first block.
using DeflateSymbol = std::uint16_t;
inline constexpr DeflateSymbol kPlaceholder = 0x8000;

/// Where decoded symbols go. Matches may reach back to `begin`; `out` is where the next one goes.
template <class T>
struct DeflateOutput {
  T* begin;
  T* out;
  T* end;
};

class DeflateBlocks {
 public:
  /// Room that must be left behind `end` of an output: a decoder looks at it once for several symbols.
  static constexpr std::size_t kOverrun = 320;
  /// A block is begun only with so many bytes of input ahead: more than a header or a stored block takes.
  static constexpr std::size_t kInputAhead = std::size_t{66} << 10;

  enum class Step {
    block_end,
    output_full,  ///< go on with other output
    input_short,  ///< go on with more input
    broken,
  };

  DeflateBlocks();
  ~DeflateBlocks();

  /// Anew: a block begins at `bit` of `input`.
  void begin(std::span<const std::uint8_t> input, std::uint64_t bit);
  /// Other input: what is under way goes on at its `bit`.
  void feed(std::span<const std::uint8_t> input, std::uint64_t bit);

  /// The header of a block; block_end if it could be read. `last_block()` then tells.
  Step begin_block();
  bool last_block() const { return last_; }
  bool in_block() const { return kind_ != Kind::none; }

  /// The rest of the block, or as much as there is room or input for.
  template <class T>
  Step decode(DeflateOutput<T>& output);

  /// Of the input, up to where it was used.
  std::uint64_t bit() const { return static_cast<std::uint64_t>(next_ - input_.data()) * 8 - bits_; }

  struct Tables;

 private:
  enum class Kind { none, stored, fixed, dynamic };

  std::size_t bytes_left() const { return input_.size() - static_cast<std::size_t>((bit() + 7) / 8); }
  Step begin_stored();
  template <class T>
  Step decode_stored(DeflateOutput<T>& output);

  std::span<const std::uint8_t> input_;
  const std::uint8_t* next_ = nullptr;
  std::uint64_t buffer_ = 0;
  unsigned bits_ = 0;  ///< of buffer_ that are in use
  Kind kind_ = Kind::none;
  bool last_ = false;
  std::size_t stored_left_ = 0;
  std::unique_ptr<Tables> tables_;
};

/// The first bit of [from, to) where a dynamic block that is not the last seems to begin: one whose codes are complete.
/// One random bit in some 10^9 looks so.
std::optional<std::uint64_t> find_block(std::span<const std::uint8_t> input, std::uint64_t from, std::uint64_t to);

/// The window for symbols that are to be decoded without knowing it.
void fill_placeholders(DeflateSymbol* window);

/// What each symbol stands for, once the window is known.
class SymbolBytes {
 public:
  SymbolBytes();
  /// The 32 KiB before the first block.
  void set_window(std::span<const std::uint8_t, kDeflateWindow> window);
  /// `out` may be the memory of `symbols`.
  void replace(std::uint8_t* out, const DeflateSymbol* symbols, std::size_t count) const;

 private:
  std::unique_ptr<std::uint8_t[]> table_;  ///< by symbol: 33 KiB of it are in use
};

}  // namespace tidegauge
