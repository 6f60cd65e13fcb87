#include "ingest_traces.hpp"

#include <fmt/format.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <system_error>
#include <vector>

#include "kernels/core/random.hpp"

namespace tidegauge::bench {
namespace {

struct Flow {
  std::array<std::uint8_t, 96> bytes{};  ///< Ethernet, IP and transport header, then nothing of interest
  bool v6 = false;
  std::uint8_t protocol = 0;
};

void put16(std::uint8_t* at, std::uint32_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}

Flow make_flow(RandomStream& random) {
  Flow flow;
  for (auto& byte : flow.bytes) byte = static_cast<std::uint8_t>(random());
  const double kind = random.unit();
  flow.v6 = random.unit() < 0.25;
  flow.protocol = kind < 0.70 ? 6 : kind < 0.90 ? 17 : kind < 0.95 ? (flow.v6 ? 58 : 1) : 50;
  put16(&flow.bytes[12], flow.v6 ? 0x86dd : 0x0800);
  flow.bytes[14] = flow.v6 ? 0x60 : 0x45;
  if (!flow.v6) put16(&flow.bytes[20], 0x4000);
  flow.bytes[flow.v6 ? 20 : 23] = flow.protocol;
  return flow;
}

/// Wire lengths of a backbone: mostly acknowledgements and full segments, some between.
std::uint32_t draw_length(const Flow& flow, RandomStream& random) {
  const double kind = random.unit();
  const std::uint32_t least = flow.v6 ? 74 : 60;
  if (kind < 0.45) return least + static_cast<std::uint32_t>(random.below(8));
  if (kind < 0.80) return 1514;
  return least + static_cast<std::uint32_t>(random.below(1400));
}

Truth write_trace(const std::string& path, std::uint64_t records, std::uint64_t seed) {
  RandomStream random(seed, 0);
  std::vector<Flow> flows;
  for (int i = 0; i < 300; ++i) flows.push_back(make_flow(random));
  std::ofstream out(path, std::ios::binary);
  const std::array<std::uint32_t, 6> head{0xa1b2c3d4, 2 | 4 << 16, 0, 0, 96, 1};
  out.write(reinterpret_cast<const char*>(head.data()), sizeof head);
  Truth truth;
  std::vector<char> block;
  for (std::uint64_t i = 0; i < records; ++i) {
    Flow& flow = flows[random.below(flows.size())];
    const std::uint32_t wire = draw_length(flow, random), captured = std::min(wire, 96u);
    put16(&flow.bytes[flow.v6 ? 18 : 16], flow.v6 ? wire - 54 : wire - 14);
    if (flow.protocol == 6) flow.bytes[flow.v6 ? 67 : 47] = random.below(16) == 0 ? 0x02 : 0x10;
    const auto micros = static_cast<std::uint32_t>(i % 1'000'000);
    const std::array<std::uint32_t, 4> record{1'700'000'000 + static_cast<std::uint32_t>(i / 1'000'000),
                                              micros, captured, wire};
    const char* record_bytes = reinterpret_cast<const char*>(record.data());
    block.insert(block.end(), record_bytes, record_bytes + sizeof record);
    const char* packet_bytes = reinterpret_cast<const char*>(flow.bytes.data());
    block.insert(block.end(), packet_bytes, packet_bytes + captured);
    truth.packets += 1;
    truth.bytes += wire;
    truth.tcp_packets += flow.protocol == 6;
    truth.ipv6_packets += flow.v6;
    truth.file_bytes += sizeof record + captured;
    if (block.size() > 1 << 20)
      out.write(block.data(), static_cast<std::streamsize>(block.size())), block.clear();
  }
  out.write(block.data(), static_cast<std::streamsize>(block.size()));
  return truth;
}

using Bytes = std::vector<std::uint8_t>;

Bytes read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

void write_whole(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// One deflate stream of level 1, in the wrapper that `gzip_flag` names (IGZIP_GZIP, IGZIP_DEFLATE).
Bytes deflated(std::span<const std::uint8_t> content, std::uint16_t gzip_flag) {
  Bytes out(content.size() + (1 << 16)), work(ISAL_DEF_LVL1_DEFAULT);
  isal_zstream stream{};
  isal_deflate_init(&stream);
  stream.level = 1;
  stream.level_buf = work.data();
  stream.level_buf_size = static_cast<std::uint32_t>(work.size());
  stream.gzip_flag = gzip_flag;
  stream.end_of_stream = 1;
  stream.next_in = const_cast<std::uint8_t*>(content.data());
  stream.avail_in = static_cast<std::uint32_t>(content.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<std::uint32_t>(out.size());
  if (isal_deflate(&stream) != COMP_OK || stream.avail_in != 0) fail("cannot compress the trace");
  out.resize(stream.total_out);
  return out;
}

void append32(Bytes& to, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) to.push_back(static_cast<std::uint8_t>(value >> shift));
}

/// A gzip member whose extra field tells its size: a block of BGZF (SAM specification, section 4.1).
Bytes bgzf_block(std::span<const std::uint8_t> content) {
  const Bytes body = deflated(content, IGZIP_DEFLATE);
  Bytes block{31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 'B', 'C', 2, 0};
  const std::size_t size = block.size() + 2 + body.size() + 8;
  block.push_back(static_cast<std::uint8_t>(size - 1));
  block.push_back(static_cast<std::uint8_t>((size - 1) >> 8));
  block.insert(block.end(), body.begin(), body.end());
  append32(block, crc32_gzip_refl(0, content.data(), content.size()));
  append32(block, static_cast<std::uint32_t>(content.size()));
  return block;
}

/// `unit` of each piece of so many bytes, one behind the other.
template <class Unit>
Bytes in_pieces(const Bytes& content, std::size_t piece_bytes, const Unit& unit) {
  Bytes all;
  for (std::size_t at = 0; at < content.size(); at += piece_bytes) {
    const Bytes one = unit(std::span(content).subspan(at, std::min(piece_bytes, content.size() - at)));
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

}  // namespace

void fail(const std::string& what) {
  fmt::print(stderr, "ingest_bench: {}\n", what);
  std::exit(1);
}

IngestTraces::IngestTraces(std::uint64_t records) {
  std::string name = (std::filesystem::temp_directory_path() / "ingest_bench-XXXXXX").string();
  if (!mkdtemp(name.data())) fail("cannot make a folder for the traces");
  folder_ = name;
  truth_ = write_trace(whole(), records, 1);
  quarter_truth_ = write_trace(quarter(), std::max<std::uint64_t>(records / 4, 1), 1);
  slice_truth_ = write_trace(slice(), std::min<std::uint64_t>(records, 100'000), 1);
  const Bytes content = read_whole(quarter());
  const auto gzipped = [](std::span<const std::uint8_t> piece) { return deflated(piece, IGZIP_GZIP); };
  write_whole(gz(), gzipped(content));
  write_whole(other_gz(), gzipped(content));
  write_whole(members(), in_pieces(content, std::size_t{4} << 20, gzipped));
  write_whole(bgzf(), in_pieces(content, std::size_t{63} << 10, bgzf_block));
}

IngestTraces::~IngestTraces() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace tidegauge::bench
