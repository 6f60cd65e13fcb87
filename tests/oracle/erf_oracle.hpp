// A deliberately plain reader of undamaged ERF bytes, to hold the walker against: one field at a time, one
// byte at a time, a case for every type. At the first thing that it cannot read it stops, and says where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "tests/oracle/capture_oracle.hpp"

namespace tidegauge::oracle {

/// Seconds in 32.32 bits as nanoseconds, by long division of the fraction: bit i of it is 2^(i-32) seconds.
inline std::int64_t erf_nanoseconds(std::uint64_t time) {
  __extension__ typedef __int128 Wide;
  Wide billion_times = 0;  // the fraction times 10^9, in units of 2^-32
  for (int bit = 0; bit < 32; ++bit)
    if (time >> bit & 1) billion_times += Wide{1000000000} << bit;
  for (int i = 0; i < 32; ++i) billion_times /= 2;
  return static_cast<std::int64_t>(Wide{time / 4294967296u} * 1000000000 + billion_times);
}

inline Reading read_erf(const Bytes& bytes) {
  const Cursor in(bytes);
  Reading reading;
  std::size_t at = 0;
  try {
    while (at < bytes.size()) {
      const std::uint64_t type = in.number(at + 8, 1, true) % 128;
      const std::uint64_t rlen = in.number(at + 10, 2, true), lctr = in.number(at + 12, 2, true);
      std::size_t head = 16;
      bool more = in.number(at + 8, 1, true) >= 128;
      while (more) {
        more = in.number(at + head, 1, true) >= 128;
        head += 8;
      }
      const Bytes whole = in.part(at, rlen);
      bool ethernet = false, hdlc = false, colour = false, skipped = false;
      Record record;
      switch (type) {
        case 2:
          ethernet = true;
          break;
        case 11:
        case 16:
        case 20:
          ethernet = colour = true;
          break;
        case 1:
        case 5:
          hdlc = true;
          break;
        case 10:
        case 15:
        case 17:
        case 19:
          hdlc = colour = true;
          break;
        case 22:
          record.link = 228;
          break;
        case 23:
          record.link = 229;
          break;
        case 27:
        case 48:
          skipped = true;
          break;
        default:
          record.fate = "unknown_link";
          break;
      }
      if (type == 13 || type == 14 || type == 28 || type == 29) colour = true;  // no loss counter either
      if (!skipped && !colour) reading.lost += lctr;
      if (!skipped && record.fate.empty()) {
        record.fate = "packet";
        record.ts_ns = erf_nanoseconds(in.number(at, 8, false));
        if (ethernet) head += 2;
        if (type == 5 || type == 17) head += 4;
        std::uint64_t wire = in.number(at + 14, 2, true);
        if (ethernet || hdlc) wire = wire < 4 ? 0 : wire - 4;
        record.wire = static_cast<std::uint32_t>(wire);
        std::uint64_t captured = rlen - head;
        if (captured > wire) captured = wire;
        record.captured = static_cast<std::uint32_t>(captured);
        record.payload = in.part(at + head, captured);
        if (ethernet) record.link = 1;
        if (hdlc) {
          record.link = 9;
          if (captured >= 2 && record.payload[0] == 255 && record.payload[1] == 3) record.link = 50;
          if (captured >= 1 && (record.payload[0] == 15 || record.payload[0] == 143)) record.link = 104;
        }
      }
      if (!skipped) reading.records.push_back(record);
      at += rlen;
    }
  } catch (const std::out_of_range&) {
  }
  reading.stopped_at = at;
  return reading;
}

}  // namespace tidegauge::oracle
