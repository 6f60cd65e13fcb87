#include "host/keyed_blob.hpp"

#include <zstd.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

namespace tidegauge {

namespace {

using Bytes = std::span<const std::uint8_t>;
enum Wrapping : std::uint8_t { plain = 0, zstd = 1 };

/// All sketches of a chunk in full, and a little more: what a blob can unfold to.
constexpr std::uint64_t largest_payload = chunk_intervals * (sketch::registers + 16);

void put(Blob& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

bool get(Bytes& in, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const std::uint8_t byte = in.front();
    in = in.subspan(1);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return shift < 63 || byte <= 1;
  }
  return false;
}

std::uint64_t zigzag(std::uint64_t value) { return value << 1 ^ (value >> 63 ? ~0ull : 0); }
std::uint64_t unzigzag(std::uint64_t code) { return code >> 1 ^ (code & 1 ? ~0ull : 0); }

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

Blob wrapped(const Blob& payload) {
  // Most keys are rare, and their blobs short: the frame's own bytes and the compressor's start would cost more than they save.
  constexpr std::size_t short_payload = 64;
  if (payload.size() > short_payload) {
    thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
    Blob packed(1 + ZSTD_compressBound(payload.size()), zstd);
    const std::size_t size =
        ZSTD_compressCCtx(context.get(), packed.data() + 1, packed.size() - 1, payload.data(), payload.size(), 1);
    if (!ZSTD_isError(size) && size < payload.size()) {
      packed.resize(1 + size);
      return packed;
    }
  }
  Blob blob{plain};
  blob.insert(blob.end(), payload.begin(), payload.end());
  return blob;
}

std::optional<Blob> unwrapped(Bytes blob) {
  if (blob.empty() || blob.front() > zstd) return std::nullopt;
  const Bytes rest = blob.subspan(1);
  if (blob.front() == plain) return Blob(rest.begin(), rest.end());
  const std::uint64_t size = ZSTD_getFrameContentSize(rest.data(), rest.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > largest_payload) return std::nullopt;
  Blob payload(size);
  if (ZSTD_decompress(payload.data(), size, rest.data(), rest.size()) != size) return std::nullopt;
  return payload;
}

/// n, then n ascending places.
std::optional<std::vector<std::uint32_t>> get_places(Bytes& in) {
  std::uint64_t n = 0;
  if (!get(in, n) || n > chunk_intervals) return std::nullopt;
  std::vector<std::uint32_t> places(n);
  std::uint64_t place = 0;
  for (std::size_t i = 0; i < n; ++i) {
    std::uint64_t step = 0;
    if (!get(in, step) || step >= chunk_intervals || (i > 0 && step == 0)) return std::nullopt;
    place += step;
    if (place >= chunk_intervals) return std::nullopt;
    places[i] = static_cast<std::uint32_t>(place);
  }
  return places;
}

}  // namespace

Blob encode_counts(const ChunkCounts& counts) {
  Blob payload;
  put(payload, counts.size());
  std::uint64_t before = 0;
  for (const ChunkCount& count : counts) put(payload, count.place - std::exchange(before, count.place));
  before = 0;
  for (const ChunkCount& count : counts) put(payload, zigzag(count.packets - std::exchange(before, count.packets)));
  before = 0;
  for (const ChunkCount& count : counts) put(payload, zigzag(count.bytes - std::exchange(before, count.bytes)));
  return wrapped(payload);
}

std::optional<ChunkCounts> decode_counts(Bytes blob) {
  const auto payload = unwrapped(blob);
  if (!payload) return std::nullopt;
  Bytes in(*payload);
  const auto places = get_places(in);
  if (!places) return std::nullopt;
  ChunkCounts counts(places->size());
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i].place = (*places)[i];
  for (const auto column : {&ChunkCount::packets, &ChunkCount::bytes}) {
    std::uint64_t value = 0, code = 0;
    for (ChunkCount& count : counts) {
      if (!get(in, code)) return std::nullopt;
      count.*column = value += unzigzag(code);
    }
  }
  if (!in.empty()) return std::nullopt;
  return counts;
}

Blob encode_sketches(const ChunkSketches& sketches) {
  Blob payload;
  put(payload, sketches.size());
  std::uint32_t before = 0;
  for (const auto& [place, sketch] : sketches) put(payload, place - std::exchange(before, place));
  for (const auto& [place, sketch] : sketches) sketch.encode(payload);
  return wrapped(payload);
}

std::optional<ChunkSketches> decode_sketches(Bytes blob) {
  const auto payload = unwrapped(blob);
  if (!payload) return std::nullopt;
  Bytes in(*payload);
  const auto places = get_places(in);
  if (!places) return std::nullopt;
  ChunkSketches sketches;
  for (const std::uint32_t place : *places) {
    auto sketch = Hll::decode(in);
    if (!sketch) return std::nullopt;
    sketches.emplace_hint(sketches.end(), place, *std::move(sketch));
  }
  if (!in.empty()) return std::nullopt;
  return sketches;
}

void add_counts(ChunkCounts& into, const ChunkCounts& from) {
  ChunkCounts sum;
  sum.reserve(into.size() + from.size());
  std::merge(into.begin(), into.end(), from.begin(), from.end(), std::back_inserter(sum),
             [](const ChunkCount& a, const ChunkCount& b) { return a.place < b.place; });
  into.clear();
  for (const ChunkCount& count : sum) {
    if (!into.empty() && into.back().place == count.place) {
      into.back().packets += count.packets;
      into.back().bytes += count.bytes;
    } else {
      into.push_back(count);
    }
  }
}

void merge_sketches(ChunkSketches& into, ChunkSketches&& from) {
  into.merge(from);
  for (const auto& [place, sketch] : from) into[place].merge(sketch);
}

}  // namespace tidegauge
