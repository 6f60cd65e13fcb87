// A deliberately plain reader of undamaged pcap and pcapng bytes, to hold the walkers against. Reads a whole
// buffer, one field at a time, one byte at a time; knows nothing of blocks, resynchronising or speed. At the
// first thing that it cannot read it stops, and says where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace tidegauge::oracle {

using Bytes = std::vector<std::uint8_t>;

struct Record {
  std::string fate;  // "packet", or the name of the refusal
  std::int64_t ts_ns = 0;
  std::uint32_t wire = 0, captured = 0;
  std::uint32_t link = 0;
  Bytes payload;
  friend bool operator==(const Record&, const Record&) = default;
};

struct Reading {
  std::vector<Record> records;
  std::uint64_t lost = 0;
  std::size_t stopped_at = 0;  // size of the input if all of it was read
};

class Cursor {
 public:
  explicit Cursor(const Bytes& bytes) : bytes_(bytes) {}
  std::uint64_t number(std::size_t at, int size, bool big_endian) const {
    std::uint64_t value = 0;
    for (int i = 0; i < size; ++i) {
      const int place = big_endian ? size - 1 - i : i;
      value |= std::uint64_t{bytes_.at(at + static_cast<std::size_t>(i))} << (8 * place);
    }
    return value;
  }
  Bytes part(std::size_t at, std::size_t size) const {
    if (at + size > bytes_.size()) throw std::out_of_range("cut");
    return Bytes(bytes_.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes_.begin() + static_cast<std::ptrdiff_t>(at + size));
  }

 private:
  const Bytes& bytes_;
};

inline bool is_decoded(std::uint32_t link) {
  return std::set<std::uint32_t>{0,   1,   6,   9,   10,  11,  12,  14,  50,  51,  100,
                                 101, 104, 105, 107, 108, 109, 113, 117, 119, 123, 127,
                                 163, 192, 226, 228, 229, 239, 242, 258, 276}
             .count(link) != 0;
}

/// A frame check sequence of `fcs` bytes lies at the end of the longer of the two lengths.
inline void strip_fcs(Record& record, std::uint32_t fcs) {
  const std::uint32_t longest = record.wire > record.captured ? record.wire : record.captured;
  const std::uint32_t without = longest > fcs ? longest - fcs : 0;
  if (record.captured > without) record.captured = without;
  record.wire = record.wire > fcs ? record.wire - fcs : 0;
  record.payload.resize(record.captured);
}

inline Reading read_pcap(const Bytes& bytes) {
  const Cursor in(bytes);
  Reading reading;
  bool big = false, nano = false, modified = false;
  for (bool order : {false, true}) {
    const std::uint64_t magic = in.number(0, 4, order);
    if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d && magic != 0xa1b2cd34) continue;
    big = order;
    nano = magic == 0xa1b23c4d;
    modified = magic == 0xa1b2cd34;
  }
  const std::uint64_t minor = in.number(6, 2, big);
  const std::uint64_t word = in.number(20, 4, big);
  const std::uint32_t fcs = (word >> 26) % 2 == 1 ? static_cast<std::uint32_t>(word >> 28) * 2 : 0;
  std::size_t at = 24;
  try {
    while (at < bytes.size()) {
      Record record;
      record.fate = "packet";
      record.link = static_cast<std::uint32_t>(word % 65536);
      const auto seconds = static_cast<std::int64_t>(in.number(at, 4, big));
      const auto fraction = static_cast<std::int64_t>(in.number(at + 4, 4, big));
      record.ts_ns = seconds * 1000000000 + (nano ? fraction : fraction * 1000);
      std::uint64_t captured = in.number(at + 8, 4, big), wire = in.number(at + 12, 4, big);
      if (minor < 4 && captured > wire) {
        const std::uint64_t other = captured;
        captured = wire;
        wire = other;
      }
      record.captured = static_cast<std::uint32_t>(captured);
      record.wire = static_cast<std::uint32_t>(wire);
      const std::size_t header = modified ? 24 : 16;
      record.payload = in.part(at + header, captured);
      strip_fcs(record, fcs);
      reading.records.push_back(record);
      at += header + captured;
    }
  } catch (const std::out_of_range&) {
  }
  reading.stopped_at = at;
  return reading;
}

struct Interface {
  std::uint32_t link = 0;
  int resolution = 6;
  std::int64_t offset = 0;
  std::uint32_t fcs = 0;
  std::uint64_t drops = 0;
};

/// By repeated halving or division by ten, so that no power has to fit anything. Floors, as each step floors.
inline std::int64_t to_nanoseconds(std::uint64_t ticks, const Interface& interface) {
  __extension__ typedef __int128 Wide;
  Wide value = ticks;
  const int exponent = interface.resolution % 128;
  if (interface.resolution >= 128) {
    value = value * 1000000000;
    for (int i = 0; i < exponent; ++i) value /= 2;
  } else {
    for (int i = exponent; i < 9; ++i) value *= 10;
    for (int i = 9; i < exponent; ++i) value /= 10;
  }
  return static_cast<std::int64_t>(value + Wide{interface.offset} * 1000000000);
}

inline Reading read_pcapng(const Bytes& bytes) {
  const Cursor in(bytes);
  Reading reading;
  bool big = false;
  std::vector<Interface> interfaces;
  std::size_t at = 0;
  try {
    while (at < bytes.size()) {
      if (in.number(at, 4, false) == 0x0a0d0d0a) big = in.number(at + 8, 4, true) == 0x1a2b3c4d;
      const std::uint64_t type = in.number(at, 4, big), size = in.number(at + 4, 4, big);
      if (in.number(at + size - 4, 4, big) != size) break;
      const auto options = [&](std::size_t first) {
        std::map<std::uint64_t, std::size_t> where;
        for (std::size_t o = first; o + 4 <= at + size - 4;) {
          const std::uint64_t code = in.number(o, 2, big), length = in.number(o + 2, 2, big);
          if (code == 0) break;
          where[code] = o + 4;
          o += 4 + (length + 3) / 4 * 4;
        }
        return where;
      };
      if (type == 0x0a0d0d0a) {
        interfaces.clear();
      } else if (type == 1) {
        Interface interface;
        interface.link = static_cast<std::uint32_t>(in.number(at + 8, 2, big));
        const auto found = options(at + 16);
        if (found.count(9)) interface.resolution = static_cast<int>(in.number(found.at(9), 1, big));
        if (found.count(14)) interface.offset = static_cast<std::int64_t>(in.number(found.at(14), 8, big));
        if (found.count(13)) interface.fcs = static_cast<std::uint32_t>(in.number(found.at(13), 1, big)) / 8;
        interfaces.push_back(interface);
      } else if (type == 3) {
        Record record;
        record.fate = "no_time";
        reading.records.push_back(record);
      } else if (type == 5) {
        const auto found = options(at + 20);
        const std::uint64_t index = in.number(at + 8, 4, big);
        std::uint64_t drops = 0;
        if (found.count(5)) drops += in.number(found.at(5), 8, big);
        if (found.count(7)) drops += in.number(found.at(7), 8, big);
        if (index < interfaces.size() && (found.count(5) || found.count(7))) {
          reading.lost += drops < interfaces[index].drops ? drops : drops - interfaces[index].drops;
          interfaces[index].drops = drops;
        }
      } else if (type == 6 || type == 2) {
        const std::uint64_t index = in.number(at + 8, type == 6 ? 4 : 2, big);
        Record record;
        if (index >= interfaces.size()) {
          record.fate = "bad_interface";
        } else if (!is_decoded(interfaces[index].link)) {
          record.fate = "unknown_link";
        } else {
          record.fate = "packet";
          record.link = interfaces[index].link;
          const std::uint64_t ticks = in.number(at + 12, 4, big) * 4294967296u + in.number(at + 16, 4, big);
          record.ts_ns = to_nanoseconds(ticks, interfaces[index]);
          record.captured = static_cast<std::uint32_t>(in.number(at + 20, 4, big));
          record.wire = static_cast<std::uint32_t>(in.number(at + 24, 4, big));
          record.payload = in.part(at + 28, record.captured);
          strip_fcs(record, interfaces[index].fcs);
        }
        reading.records.push_back(record);
      }
      at += size;
    }
  } catch (const std::out_of_range&) {
  }
  reading.stopped_at = at;
  return reading;
}

inline Reading read_capture(const Bytes& bytes) {
  const bool pcapng = bytes.size() >= 4 && Cursor(bytes).number(0, 4, false) == 0x0a0d0d0a;
  return pcapng ? read_pcapng(bytes) : read_pcap(bytes);
}

}  // namespace tidegauge::oracle
