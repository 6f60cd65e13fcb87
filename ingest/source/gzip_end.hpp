// Where exactly the decoding of a damaged or cut off gzip member ends, which ISA-L does not tell.
//
// Problem: at a fault ISA-L's fast loop stands behind a match of which it has only the length, and tells room and input
// that are off by its margins; and at the end of the input it withholds literals that it looked up together with a symbol
// that is not all there (read in igzip_decode_block_stateless.asm of ISA-L 2.30.0). How much that is depends on where the
// call began, so the bytes given would depend on how they were asked for.
// Model: a call is preceded by a copy of the state without its output (GzipMark). After a fault the same input is given
// again from there, one byte at a time: too little for the fast loop, and the other one moves only behind what is good.
// Its output is counted and not looked at: the bytes are there already, and it has no window to copy from.
// Cost: the copy, 21 KiB a call. Tested by tests/ingest/decompress_test.cpp against zlib and a plain decoder.
//
// What is a fault: a code that is not assigned, a distance behind the member's beginning, a header that breaks a rule.
// A block whose codes leave some unassigned is none yet for ISA-L; for zlib it is.
#pragma once

#include <isa-l/igzip_lib.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tidegauge {

/// A state of ISA-L before a call, to find out what a fault in that call left undone.
class GzipMark {
 public:
  void set(const inflate_state& state) { std::memcpy(head_.data(), &state, head_.size()); }

  struct Fault {
    std::uint64_t bytes = 0;   ///< of output that could be decoded, with those that the state held back before
    std::ptrdiff_t taken = 0;  ///< of the input before the byte that has the fault; less than 0 if ISA-L held it
  };
  /// `in` is the call's input, of which it used about `used` bytes when it met the fault.
  Fault find_fault(std::span<const std::uint8_t> in, std::size_t used) const;

 private:
  std::array<std::byte, offsetof(inflate_state, tmp_out_buffer)> head_;
};

/// All input was given. Takes the literals that are complete all the same; the number of bytes written.
std::size_t take_whole_literals(inflate_state& state, std::span<std::uint8_t> out);

}  // namespace tidegauge
