// What an index that comes out of a file has to be like to be believed.
#include <functional>

#include "tests/ingest/extract_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

TEST(TraceIndex, OnlyWhatAWalkCanHaveMadeIsSound) {
  ScratchFolder scratch;
  write_bytes(scratch / "x", steady_pcap());
  const auto index = count((scratch / "x").string(), {}, 300'000, 4'096).index;
  ASSERT_EQ(index.size(), 4u);
  EXPECT_TRUE(is_sound({}));
  struct Row { const char* words; std::function<void(std::vector<IndexEntry>&)> change; };
  const Row table[] = {
      {"intervals the wrong way round", [](auto& i) { std::swap(i[1].first_k, i[1].last_k); }},
      {"no packet", [](auto& i) { i[2].packets = 0; }},
      {"more packets than bytes", [](auto& i) { i[1].packets = i[2].stream_offset - i[1].stream_offset + 1; }},
      {"entered behind its beginning", [](auto& i) { ++(i[1].entry.stream_offset = i[1].stream_offset); }},
      {"out of order", [](auto& i) { std::swap(i[1], i[2]); }},
      {"a first stretch with something before it", [](auto& i) { i.erase(i.begin()); }},
      {"nothing said of the records before", [](auto& i) { i[3].before.reset(); }},
      {"nothing said of the layout", [](auto& i) { i[3].head.reset(); }},
      {"times out of order", [](auto& i) { i[1].times.offset = 5; }},
  };
  for (const Row& row : table) {
    auto changed = index;
    row.change(changed);
    EXPECT_FALSE(is_sound(changed)) << row.words;
  }
}

}  // namespace
}  // namespace tidegauge
