// libFuzzer entry point for deflate blocks: symbols with their placeholders replaced are the bytes that are decoded where
// the window is known, and what is decoded from the beginning is what a plain decoder gives, whatever the input. The first
// byte chooses the bit to begin at and the window.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "ingest/source/deflate_blocks.hpp"
#include "tests/oracle/naive_inflate.hpp"

using namespace tidegauge;

namespace {

constexpr std::size_t kRoom = std::size_t{1} << 16;

template <class T>
std::vector<T> decoded(std::span<const std::uint8_t> input, std::uint64_t bit, std::span<const T> window) {
  std::vector<T> out(window.size() + kRoom + DeflateBlocks::kOverrun);
  std::copy(window.begin(), window.end(), out.begin());
  DeflateOutput<T> output{out.data(), out.data() + window.size(), out.data() + window.size() + kRoom};
  DeflateBlocks blocks;
  blocks.begin(input, bit);
  while (blocks.begin_block() == DeflateBlocks::Step::block_end) {
    if (blocks.decode(output) != DeflateBlocks::Step::block_end || blocks.last_block()) break;
  }
  return {out.data() + window.size(), output.out};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::vector<std::uint8_t> input(data + 1, data + size);
  const std::uint64_t bit = data[0] & 7;
  if (data[0] & 8) input.resize(size + DeflateBlocks::kInputAhead);  // otherwise only what is long is begun
  if (const auto found = find_block(input, 0, input.size() * 8)) {
    if (*found >= input.size() * 8) std::abort();
  }
  if (input.empty()) return 0;
  std::array<std::uint8_t, kDeflateWindow> window;
  for (std::size_t i = 0; i < window.size(); ++i) window[i] = static_cast<std::uint8_t>(i * data[0] ^ i >> 8);
  std::vector<DeflateSymbol> placeholders(kDeflateWindow);
  fill_placeholders(placeholders.data());
  auto symbols = decoded<DeflateSymbol>(input, bit, placeholders);
  const auto bytes = decoded<std::uint8_t>(input, bit, window);
  SymbolBytes table;
  table.set_window(window);
  auto* const in_place = reinterpret_cast<std::uint8_t*>(symbols.data());
  table.replace(in_place, symbols.data(), symbols.size());
  if (symbols.size() != bytes.size() || !std::equal(bytes.begin(), bytes.end(), in_place)) std::abort();
  const auto plain = decoded<std::uint8_t>(input, 0, {});
  const oracle::NaiveInflate naive(input, plain.size());
  if (plain != naive.bytes()) std::abort();
  return 0;
}
