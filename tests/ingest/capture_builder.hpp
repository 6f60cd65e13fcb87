// Writes captures for tests, in every variant that the walkers read.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/oracle/capture_oracle.hpp"

namespace tidegauge::test {

using oracle::Bytes;

inline void put(Bytes& out, std::uint64_t value, int size, bool big_endian) {
  for (int i = 0; i < size; ++i) {
    const int place = big_endian ? size - 1 - i : i;
    out.push_back(static_cast<std::uint8_t>(value >> (8 * place)));
  }
}

/// std::mt19937 whose numbers have the width that they have.
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  std::uint32_t operator()() { return static_cast<std::uint32_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

struct PcapShape {
  std::string name;
  std::uint32_t magic = 0xa1b2c3d4;
  bool big_endian = false;
  std::uint32_t link_word = 1;
  std::uint32_t snaplen = 262144;
  std::uint16_t minor = 4;
  std::uint16_t major = 2;
  std::size_t record_header = 0;  // 0: what the magic says
};

class PcapBuilder {
 public:
  explicit PcapBuilder(PcapShape shape = {}) : shape_(shape) {
    put(bytes, shape.magic, 4, shape.big_endian);
    put(bytes, shape.major, 2, shape.big_endian);
    put(bytes, shape.minor, 2, shape.big_endian);
    put(bytes, 0, 8, shape.big_endian);
    put(bytes, shape.snaplen, 4, shape.big_endian);
    put(bytes, shape.link_word, 4, shape.big_endian);
    if (shape.magic == 0x1c0001ac || shape.magic == 0x1c0001ab) put(bytes, 123456, 4, shape.big_endian);
    if (shape.record_header == 0) shape_.record_header = shape.magic == 0xa1b2cd34 ? 24 : 16;
  }
  void header(std::uint32_t seconds, std::uint32_t fraction, std::uint32_t captured, std::uint32_t wire) {
    starts.push_back(bytes.size());
    put(bytes, seconds, 4, shape_.big_endian);
    put(bytes, fraction, 4, shape_.big_endian);
    put(bytes, captured, 4, shape_.big_endian);
    put(bytes, wire, 4, shape_.big_endian);
    // Interface 3, an IPv4 packet to this host (and the processor's number), as the patched writers have it.
    const Bytes behind{0, 0, 0, 3, 8, 0, 0, 0, 1, 1, 0, 0};
    bytes.insert(bytes.end(), behind.begin(), behind.begin() + static_cast<std::ptrdiff_t>(shape_.record_header) - 16);
  }
  void record(std::uint32_t seconds, std::uint32_t fraction, const Bytes& payload, std::uint32_t wire) {
    header(seconds, fraction, static_cast<std::uint32_t>(payload.size()), wire);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
  }

  Bytes bytes;
  std::vector<std::size_t> starts;  // of the records

 private:
  PcapShape shape_;
};

inline Bytes random_payload(Random& random, std::size_t size) {
  Bytes payload(size);
  for (auto& byte : payload) byte = static_cast<std::uint8_t>(random());
  return payload;
}

/// A capture of `count` ordinary records with payloads of 1 to `longest` bytes, some cut by a snaplen.
inline PcapBuilder ordinary_pcap(Random& random, int count, PcapShape shape = {},
                                 std::uint32_t longest = 100) {
  PcapBuilder pcap(shape);
  const bool nano = shape.magic == 0xa1b23c4d || shape.magic == 0x1c0001ac;
  const std::uint32_t limit = nano ? 1'000'000'000 : 1'000'000;
  for (int i = 0; i < count; ++i) {
    const Bytes payload = random_payload(random, 1 + random() % longest);
    const auto size = static_cast<std::uint32_t>(payload.size());
    pcap.record(1'600'000'000u + static_cast<std::uint32_t>(i) * 3, random() % limit, payload,
                size + (i % 3 == 0 ? random() % 1400 : 0));
  }
  return pcap;
}

class PcapngBuilder {
 public:
  using Body = std::function<void(PcapngBuilder&)>;
  struct Option {
    std::uint16_t code;
    Bytes value;
  };

  explicit PcapngBuilder(bool big_endian = false) { section(big_endian); }

  void section(bool big_endian) {
    big = big_endian;
    block(0x0a0d0d0a, [](PcapngBuilder& b) {
      b.u32(0x1a2b3c4d);
      b.u16(1);
      b.u16(0);
      b.u64(~std::uint64_t{0});
    });
  }
  void interface(std::uint16_t link, const std::vector<Option>& list = {}, std::uint32_t snaplen = 0) {
    block(1, [&](PcapngBuilder& b) {
      b.u16(link);
      b.u16(0);
      b.u32(snaplen);
      b.options(list);
    });
  }
  void enhanced(std::uint32_t index, std::uint64_t ticks, const Bytes& payload, std::uint32_t wire,
                const std::vector<Option>& list = {}) {
    block(6, [&](PcapngBuilder& b) {
      b.u32(index);
      b.u32(static_cast<std::uint32_t>(ticks >> 32));
      b.u32(static_cast<std::uint32_t>(ticks));
      b.u32(static_cast<std::uint32_t>(payload.size()));
      b.u32(wire);
      b.padded(payload);
      b.options(list);
    });
  }
  void obsolete(std::uint16_t index, std::uint64_t ticks, const Bytes& payload, std::uint32_t wire,
                const std::vector<Option>& list = {}) {
    block(2, [&](PcapngBuilder& b) {
      b.u16(index);
      b.u16(7);  // packets dropped before this one: counted by the statistics block only
      b.u32(static_cast<std::uint32_t>(ticks >> 32));
      b.u32(static_cast<std::uint32_t>(ticks));
      b.u32(static_cast<std::uint32_t>(payload.size()));
      b.u32(wire);
      b.padded(payload);
      b.options(list);
    });
  }
  void simple(const Bytes& payload) {
    block(3, [&](PcapngBuilder& b) {
      b.u32(static_cast<std::uint32_t>(payload.size()));
      b.padded(payload);
    });
  }
  void statistics(std::uint32_t index, const std::vector<Option>& list) {
    block(5, [&](PcapngBuilder& b) {
      b.u32(index);
      b.u64(0);
      b.options(list);
    });
  }
  void other(std::uint32_t type, const Bytes& payload) {
    block(type, [&](PcapngBuilder& b) { b.padded(payload); });
  }
  void block(std::uint32_t type, const Body& body) {
    starts.push_back(bytes.size());
    const std::size_t start = bytes.size();
    u32(type);
    u32(0);
    body(*this);
    const auto size = static_cast<std::uint32_t>(bytes.size() - start + 4);
    u32(size);
    Bytes field;
    put(field, size, 4, big);
    std::copy(field.begin(), field.end(), bytes.begin() + static_cast<std::ptrdiff_t>(start + 4));
  }
  Option number(std::uint16_t code, std::uint64_t value, int size) const {
    Option option{code, {}};
    put(option.value, value, size, big);
    return option;
  }

  void u16(std::uint64_t value) { put(bytes, value, 2, big); }
  void u32(std::uint64_t value) { put(bytes, value, 4, big); }
  void u64(std::uint64_t value) { put(bytes, value, 8, big); }
  void padded(const Bytes& data) {
    bytes.insert(bytes.end(), data.begin(), data.end());
    while (bytes.size() % 4 != 0) bytes.push_back(0);
  }
  void options(const std::vector<Option>& list) {
    if (list.empty()) return;
    for (const Option& option : list) {
      u16(option.code);
      u16(option.value.size());
      padded(option.value);
    }
    u32(0);
  }

  Bytes bytes;
  std::vector<std::size_t> starts;  // of the blocks
  bool big = false;
};

/// Two interfaces (microseconds, nanoseconds), `count` enhanced packets.
inline PcapngBuilder ordinary_pcapng(Random& random, int count, bool big_endian = false,
                                     std::uint32_t longest = 100) {
  PcapngBuilder file(big_endian);
  file.interface(1);
  file.interface(101, {file.number(9, 9, 1)});
  for (int i = 0; i < count; ++i) {
    const Bytes payload = random_payload(random, 1 + random() % longest);
    const std::uint64_t seconds = 1'600'000'000u + static_cast<std::uint64_t>(i) * 3;
    const std::uint32_t index = random() % 2;
    const std::uint64_t ticks = index == 0 ? seconds * 1'000'000 + random() % 1'000'000
                                           : seconds * 1'000'000'000 + random() % 1'000'000'000;
    const auto size = static_cast<std::uint32_t>(payload.size());
    file.enhanced(index, ticks, payload, size + (i % 3 == 0 ? random() % 1400 : 0));
  }
  return file;
}

}  // namespace tidegauge::test
