// libFuzzer entry point for every decompressor: any bytes as data of each format, as a decoder state, as a
// file whose parts are looked for. Never a crash; the same bytes for any steps, of gzip those that a plain decoder gives;
// memory and output bounded.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/source/gzip_state.hpp"
#include "tests/fuzz/fuzz_walk.hpp"
#include "tests/oracle/naive_inflate.hpp"

namespace {

using namespace tidegauge;

constexpr std::size_t kMostOutput = std::size_t{4} << 20;

std::vector<std::uint8_t> decompressed(std::string_view format, const std::uint8_t* data, std::size_t size,
                                       std::size_t step) {
  const auto source = test::decompress_memory(format, data, size);
  std::vector<std::uint8_t> out;
  while (out.size() < kMostOutput) {
    const std::size_t before = out.size(), wanted = std::min(step, kMostOutput - before);
    out.resize(before + wanted);
    const auto got = source->read(out.data() + before, wanted);
    if (!got) return {};
    out.resize(before + *got);
    if (*got < wanted) break;
  }
  fuzz::require(source->input_done() <= size, "more was taken than there is");
  return out;
}

/// The bytes as what a gzip member holds: given up to the fault or the cut, and no further than
/// that unless another member follows.
void check_deflated(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> member{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
  member.insert(member.end(), data, data + size);
  const oracle::NaiveInflate wanted({data, size}, kMostOutput);
  auto got = decompressed("gzip", member.data(), member.size(), 65536);
  constexpr std::uint8_t kMagic[] = {0x1f, 0x8b, 8};
  const bool another = std::search(data, data + size, std::begin(kMagic), std::end(kMagic)) != data + size;
  if ((wanted.complete() || another) && got.size() > wanted.bytes().size()) got.resize(wanted.bytes().size());
  if (!got.empty()) fuzz::require(got == wanted.bytes(), "not what comes before the fault");
}

/// The bytes as the fields of a gzip decoder's state: refused, or gone on from with themselves as input.
void go_on_from(const std::uint8_t* data, std::size_t size) {
  static inflate_state state;
  state = {};
  isal_inflate_init(&state);
  state.crc_flag = ISAL_GZIP;
  static_cast<void>(restore_gzip_state(state, {data, size}));
  if (!detail::apply_gzip_state_fields(state, {data, size})) return;
  std::vector<std::uint8_t> in(data, data + size), out(100'000);
  state.next_in = in.data();
  state.avail_in = static_cast<std::uint32_t>(in.size());
  for (int call = 0; call < 8; ++call) {
    state.next_out = out.data();
    state.avail_out = static_cast<std::uint32_t>(out.size());
    if (isal_inflate(&state) != ISAL_DECOMP_OK) break;
  }
}

void look_for_parts(const std::uint8_t* data, std::size_t size) {
  static const std::string path = [] {
    std::string name = (std::filesystem::temp_directory_path() / "tidegauge-fuzz-XXXXXX").string();
    const int made = mkstemp(name.data());
    if (made >= 0) ::close(made);
    std::atexit([] { ::unlink(path.c_str()); });
    return name;
  }();
  if (std::FILE* const file = std::fopen(path.c_str(), "wb")) {
    std::fwrite(data, 1, size, file);
    std::fclose(file);
  }
  const auto starts = find_member_starts(path, 1);
  fuzz::require(starts && starts->input_offsets.front() == 0, "no beginning");
  fuzz::require(std::is_sorted(starts->input_offsets.begin(), starts->input_offsets.end()), "not ascending");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const Compression& compression : compressions()) {
    if (!compression.make_decoder) continue;
    const auto large = decompressed(compression.name, data, size, 65536);
    const auto small = decompressed(compression.name, data, size, 997);
    fuzz::require(large == small, "the answer depends on the steps");
  }
  check_deflated(data, size);
  go_on_from(data, size);
  look_for_parts(data, size);
  return 0;
}
