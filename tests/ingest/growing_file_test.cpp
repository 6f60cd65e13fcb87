// A file that somebody still writes is read as the whole file that it becomes.
#include "ingest/source/growing_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>

#include "ingest/source/byte_source.hpp"
#include "tests/ingest/source_support.hpp"

namespace tidegauge {
namespace {

using namespace test;
using std::chrono::milliseconds;

/// Who holds the file open and appends to it.
class Writer {
 public:
  explicit Writer(const fs::path& path) : descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
  ~Writer() { close(); }
  void append(const Bytes& bytes) { ASSERT_EQ(::write(descriptor_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size())); }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;
};

/// In odd pieces, with pauses now and then, from a single byte on; closed once the reader has waited for more.
std::thread append_slowly(const fs::path& path, const Bytes& content, unsigned seed, std::atomic<bool>& waited) {
  return std::thread([&content, &waited, seed, writer = std::make_shared<Writer>(path)] {
    std::mt19937 random(seed);
    for (std::size_t at = 0; at < content.size();) {
      const std::size_t size = std::min<std::size_t>(content.size() - at, 1 + random() % (at < 40 ? 7 : 40'000));
      writer->append(Bytes(content.begin() + static_cast<std::ptrdiff_t>(at), content.begin() + static_cast<std::ptrdiff_t>(at + size)));
      at += size;
      if (random() % 8 == 0) std::this_thread::sleep_for(milliseconds(3));
    }
    for (waited = false; !waited;) std::this_thread::sleep_for(milliseconds(1));
    writer->close();
  });
}

TEST(GrowingFile, IsReadAsTheWholeFileThatItBecomes) {
  std::mt19937 random(11);
  const Bytes content = text_like(random, 300'000);
  const std::vector<Bytes> files{content, zstd_frame(content), prefix(zstd_frame(content), 20'000)};
  for (std::size_t i = 0; i < files.size(); ++i) {
    ScratchFolder scratch;
    const fs::path growing = scratch / "growing";
    write_bytes(growing, {});
    std::atomic<bool> waited = false;
    std::thread writer = append_slowly(growing, files[i], static_cast<unsigned>(i), waited);
    auto source = open_followed(growing.string(), {.waiting = [&] { waited = true; }});  // its end is the close
    ASSERT_TRUE(source) << source.error().message();
    EXPECT_EQ((*source)->input_total(), 0u);
    const auto begun = std::chrono::steady_clock::now();
    const Drained followed = drain(**source, 10'007);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, FollowOptions{}.patience) << "the close was seen";
    writer.join();
    auto whole = open_source(growing.string());
    const Drained once = drain(**whole, 10'007);
    EXPECT_EQ(followed.bytes, once.bytes) << i;
    EXPECT_EQ(followed.damage, once.damage) << "a cut end is judged at the end";
    EXPECT_EQ(once.damage.empty(), i < 2);
    EXPECT_EQ(followed.error, "");
    EXPECT_EQ((*source)->fingerprint(), *fingerprint_file(growing)) << i;
    EXPECT_TRUE((*source)->checkpoint() || i > 0) << "unlike a pipe it can be entered again";
  }
}

TEST(GrowingFile, IsWholeOnceNothingComesForATime) {
  ScratchFolder scratch;
  write_bytes(scratch / "f", Bytes(50, 7));
  Writer writer(scratch / "f");  // never closes it
  int asked = 0;
  auto source = open_followed((scratch / "f").string(), {.patience = milliseconds(30), .waiting = [&] { ++asked; }});
  ASSERT_TRUE(source);
  EXPECT_EQ(drain(**source, 100).bytes.size(), 50u);
  EXPECT_GE(asked, 1);
}

TEST(GrowingFile, WhoAsksMayStopIt) {
  ScratchFolder scratch;
  write_bytes(scratch / "f", Bytes(50, 7));
  struct Enough {};
  auto source = open_followed((scratch / "f").string(), {.waiting = [] { throw Enough{}; }});
  ASSERT_TRUE(source);
  EXPECT_THROW(drain(**source, 100), Enough);
}

TEST(GrowingFile, WhatHappensToItMeanwhileIsAnError) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"shrink", "became shorter"}, {"replace", "another file took its place"}, {"remove", "went away"}};
  for (const auto& [what, words] : table) {
    ScratchFolder scratch;
    const fs::path file = scratch / "f";
    write_bytes(file, Bytes(5'000, 7));
    auto source = open_followed(file.string(), {.waiting = [&, &how = what] {
      if (how == "shrink") fs::resize_file(file, 100);
      if (how == "replace") {
        write_bytes(scratch / "other", Bytes(9'000, 8));
        fs::rename(scratch / "other", file);
      }
      if (how == "remove") fs::remove(file);
    }});
    ASSERT_TRUE(source);
    const Drained drained = drain(**source, 1'000'000);
    EXPECT_NE(drained.error.find(words), std::string::npos) << what << ": " << drained.error;
  }
  EXPECT_FALSE(open_followed("/no/such/file", {}));
}

}  // namespace
}  // namespace tidegauge
