#include "ingest/source/parallel_gzip_source.hpp"

#include <isa-l/crc.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "ingest/source/compression.hpp"
#include "ingest/source/decompressing_source.hpp"
#include "ingest/source/deflate_blocks.hpp"
#include "ingest/source/file_source.hpp"
#include "ingest/source/gzip_header.hpp"
#include "ingest/source/gzip_state.hpp"
#include "ingest/source/read_ahead_source.hpp"
#include "kernels/core/stopwatch.hpp"

namespace tidegauge {
namespace {

using Step = DeflateBlocks::Step;

// What is put in place or decoded at once stays in the second-level cache.
constexpr std::size_t kPart = std::size_t{128} << 10;
// Chunks are decoded to the end of the block in which they end.
constexpr std::size_t kInputBehindChunk = std::size_t{256} << 10;
// A chunk of the reader's, so far: a block that goes on for longer is left to ISA-L.
constexpr std::uint64_t kLongBlock = std::uint64_t{64} << 20;
// In flight, done or in work.
constexpr std::size_t kChunksAThread = 2;
// With so many helpers the reader has enough to do with what they give it.
constexpr std::size_t kHelpersThatDoAll = 4;

/// Bytes of the header of the member that `head` begins with, 0 if it is not all there or has a checksum of its own: rare,
/// and ISA-L's business.
std::size_t member_header_bytes(std::span<const std::uint8_t> head) {
  if (head.size() < 12 || head[2] != 8 || head[3] & (gzip_header_checksum | gzip_reserved)) return 0;
  const std::size_t bytes = gzip_header_bytes(head);
  return bytes < head.size() ? bytes : 0;
}

/// Bytes of the file from `offset`; fewer where it ends.
Expected<std::size_t> read_at(const std::string& path, std::uint64_t offset, std::span<std::uint8_t> out) {
  auto file = FileSource::open(path, offset);
  if (!file) return std::move(file).error();
  return (*file)->read(out.data(), out.size());
}

/// A stretch of blocks that a helper decoded.
struct Chunk {
  bool decoded = false;              ///< until then it is the helper's
  std::uint64_t begin = 0, end = 0;  ///< bits of the file; the same if nothing could be decoded
  std::size_t size = 0;
  std::unique_ptr<DeflateSymbol[]> symbols;  ///< placeholders, then `size` symbols; bytes lie there once in place

  const DeflateSymbol* text() const { return symbols.get() + kDeflateWindow; }
  std::uint8_t* bytes() const { return reinterpret_cast<std::uint8_t*>(symbols.get() + kDeflateWindow); }
};

class ParallelGzipSource final : public ByteSource {
 public:
  ParallelGzipSource(std::string path, std::uint64_t file_bytes, ThreadBudget& budget,
                     const ParallelGzipOptions& options)
      : path_(std::move(path)),
        file_bytes_(file_bytes),
        options_(options),
        budget_(budget),
        input_(options.chunk_bytes + kInputBehindChunk),
        plain_(kDeflateWindow + kPart + DeflateBlocks::kOverrun) {}
  ~ParallelGzipSource() override { dismiss(); }
  ParallelGzipSource(const ParallelGzipSource&) = delete;
  ParallelGzipSource& operator=(const ParallelGzipSource&) = delete;

  Expected<std::size_t> read(std::uint8_t* out, std::size_t size) override;
  std::uint64_t input_done() const override { return rest_ ? rest_->input_done() : here_ / 8; }
  std::uint64_t input_total() const override { return file_bytes_; }
  std::size_t block_bytes() const override { return std::size_t{256} << 10; }
  std::string compression() const override { return "gzip"; }
  SourceSeconds seconds() const override;
  SourceDamage damage() const override { return rest_ ? rest_->damage() : SourceDamage{}; }
  std::optional<EntryPoint> checkpoint() const override;
  void stop_before(std::uint64_t input_offset) override;
  bool reached_stop() const override { return rest_ && rest_->reached_stop(); }
  bool passed_stop() const override { return rest_ ? rest_->passed_stop() : stop_ && here_ / 8 > *stop_; }

 private:
  /// Where a block begins, and all that is needed to go on from there.
  struct Mark {
    std::uint64_t bit = 0, stream_offset = 0;
    std::uint32_t crc = 0;
    std::vector<std::uint8_t> window;
  };

  std::uint64_t chunk_of(std::uint64_t bit) const { return bit / 8 / options_.chunk_bytes; }

  // The reader's.
  Expected<std::size_t> read_through(std::uint8_t* out, std::size_t size);
  Status begin();
  Status produce();
  Status at_boundary();
  Status decode_here();
  Status feed_here();
  Status hand_over();
  Expected<EntryPoint> entry_point() const;
  void give(std::span<const std::uint8_t> bytes);
  bool take_chunk();
  void pass_to(std::uint64_t number);
  void give_chunk();
  void enter_chunk();
  void leave_chunk();
  void recruit();
  void dismiss();

  // The helpers'.
  void help();
  void decode_chunks();
  std::optional<std::uint64_t> claim_decoding() const;
  void decode_chunk(Chunk& chunk, std::uint64_t number, DeflateBlocks& blocks, std::vector<std::uint8_t>& input) const;

  std::string path_;
  std::uint64_t file_bytes_;
  ParallelGzipOptions options_;
  ThreadBudget& budget_;

  bool begun_ = false;
  std::uint64_t here_ = 0;           ///< bit of the file up to which was decoded
  std::uint64_t stream_offset_ = 0;  ///< up to which was produced
  std::uint32_t crc_ = 0;
  std::span<const std::uint8_t> ready_;  ///< produced and not given
  Mark mark_;
  std::unique_ptr<ByteSource> rest_;  ///< what was handed over
  std::optional<std::uint64_t> stop_;
  Stopwatch working_, reading_;

  // Decoding here: input_ holds the file from input_begin_ on, plain_ what was decoded up to plain_end_.
  DeflateBlocks blocks_;
  std::vector<std::uint8_t> input_, plain_;
  std::uint64_t input_begin_ = 0;
  std::size_t input_size_ = 0, plain_end_ = 0;
  bool fed_ = false;

  // Giving a chunk.
  std::unique_ptr<Chunk> chunk_;
  std::size_t chunk_given_ = 0;
  SymbolBytes table_;

  std::vector<std::thread> helpers_;
  mutable std::mutex mutex_;  ///< for what follows
  std::condition_variable changed_;
  bool leaving_ = false;
  std::exception_ptr failure_;  ///< what a helper threw; for the reader
  std::size_t helping_ = 0;
  std::uint64_t frontier_ = 0;  ///< the chunk in which the reader is
  std::map<std::uint64_t, std::unique_ptr<Chunk>> chunks_;
  std::vector<std::unique_ptr<DeflateSymbol[]>> memory_;  ///< of chunks that are done with
};

// Reading -----

Expected<std::size_t> ParallelGzipSource::read(std::uint8_t* out, std::size_t size) {
  const Stopwatch::Stretch stretch(working_);
  const bool first = !begun_;
  auto got = read_through(out, size);
  if (!got || !first || recognise_compression({out, *got}) == nullptr) return got;
  // Compressed data inside compressed data is told by whom it is handed to.
  ready_ = {};
  mark_ = {};
  stream_offset_ = 0;
  chunk_.reset();
  TG_TRY(hand_over());
  return rest_->read(out, size);
}

Expected<std::size_t> ParallelGzipSource::read_through(std::uint8_t* out, std::size_t size) {
  std::size_t got = 0;
  while (got < size) {
    if (!ready_.empty()) {
      const std::size_t part = std::min(size - got, ready_.size());
      std::memcpy(out + got, ready_.data(), part);
      ready_ = ready_.subspan(part);
      got += part;
    } else if (rest_) {
      auto more = rest_->read(out + got, size - got);
      if (!more) return more;
      return got + *more;
    } else {
      TG_TRY(begun_ ? produce() : begin());
    }
  }
  return got;
}

Status ParallelGzipSource::begin() {
  begun_ = true;
  TG_TRY(feed_here());
  const std::size_t header = member_header_bytes({input_.data(), input_size_});
  if (header == 0) return hand_over();
  here_ = header * 8;
  return feed_here();
}

/// Makes some bytes ready, or hands over.
Status ParallelGzipSource::produce() {
  if (chunk_) {
    give_chunk();
    return {};
  }
  return blocks_.in_block() ? decode_here() : at_boundary();
}

/// A block begins here, and the window before it is known.
Status ParallelGzipSource::at_boundary() {
  recruit();
  const bool taken = take_chunk();
  if (taken || chunk_of(here_) != chunk_of(mark_.bit)) {
    const auto window = std::span(plain_).first(plain_end_).last(std::min(plain_end_, kDeflateWindow));
    mark_ = {here_, stream_offset_, crc_, {window.begin(), window.end()}};
  }
  if (!taken) return decode_here();
  enter_chunk();
  return {};
}

void ParallelGzipSource::give(std::span<const std::uint8_t> bytes) {
  ready_ = bytes;
  crc_ = crc32_gzip_refl(crc_, bytes.data(), bytes.size());
  stream_offset_ += bytes.size();
}

// Decoding here -----

/// The input from `here_` on.
Status ParallelGzipSource::feed_here() {
  const Stopwatch::Stretch stretch(reading_);
  input_begin_ = here_ / 8;
  auto got = read_at(path_, input_begin_, input_);
  if (!got) return std::move(got).error();
  input_size_ = *got;
  fed_ = true;
  if (input_size_ > DeflateBlocks::kInputAhead) blocks_.feed({input_.data(), input_size_}, here_ - input_begin_ * 8);
  return {};
}

/// A block, or a part of one.
Status ParallelGzipSource::decode_here() {
  if (!fed_) TG_TRY(feed_here());
  if (input_size_ <= DeflateBlocks::kInputAhead || stream_offset_ - mark_.stream_offset > kLongBlock) return hand_over();
  if (plain_end_ >= kDeflateWindow + kPart) {
    std::memmove(plain_.data(), plain_.data() + plain_end_ - kDeflateWindow, kDeflateWindow);
    plain_end_ = kDeflateWindow;
  }
  Step step = Step::block_end;
  if (!blocks_.in_block()) {
    step = blocks_.begin_block();
    if (step == Step::block_end && blocks_.last_block()) return hand_over();
  }
  std::uint8_t* const begin = plain_.data() + plain_end_;
  DeflateOutput<std::uint8_t> output{plain_.data(), begin, plain_.data() + kDeflateWindow + kPart};
  if (step == Step::block_end) step = blocks_.decode(output);
  if (step == Step::broken) return hand_over();
  here_ = input_begin_ * 8 + blocks_.bit();
  if (step == Step::input_short) fed_ = false;
  plain_end_ = static_cast<std::size_t>(output.out - plain_.data());
  give({begin, output.out});
  return {};
}

// Handing over -----

Expected<EntryPoint> ParallelGzipSource::entry_point() const {
  if (mark_.bit == 0) return EntryPoint{};
  const auto first_bit = static_cast<unsigned>(mark_.bit & 7);
  std::uint8_t first_byte = 0;
  if (first_bit != 0) {
    auto got = read_at(path_, mark_.bit / 8, {&first_byte, 1});
    if (!got) return std::move(got).error();
    if (*got != 1) return Error{"the file became shorter while it was read", path_, ""};
  }
  const std::vector<std::uint8_t> state = save_gzip_state(
      GzipBlockStart{first_byte, first_bit, mark_.crc, static_cast<std::uint32_t>(mark_.stream_offset), mark_.window});
  return EntryPoint{mark_.stream_offset, (mark_.bit + 7) / 8, state_within_unit(0, state)};
}

/// To a source that goes on from the mark, behind what was given since.
Status ParallelGzipSource::hand_over() {
  const bool ahead = !helpers_.empty();
  dismiss();
  auto at = entry_point();
  if (!at) return std::move(at).error();
  // From the very beginning, where nothing was passed: what it holds is looked at there.
  auto opened = open_source_at(path_, mark_.stream_offset == 0 ? EntryPoint{} : *at);
  if (!opened) return std::move(opened).error();
  rest_ = *std::move(opened);
  if (ahead) {
    rest_ = std::make_unique<ReadAheadSource>(std::move(rest_),
                                              ReadAheadOptions{.checkpoint_every_bytes = options_.checkpoint_every_bytes});
  }
  if (stop_) rest_->stop_before(*stop_);
  std::vector<std::uint8_t> given(kPart);
  for (std::uint64_t left = stream_offset_ - mark_.stream_offset; left != 0;) {
    const std::size_t part = std::min<std::uint64_t>(left, given.size());
    auto got = rest_->read(given.data(), part);
    if (!got) return std::move(got).error();
    if (*got != part) return Error{"the file changed while it was read", path_, ""};
    left -= part;
  }
  return {};
}

std::optional<EntryPoint> ParallelGzipSource::checkpoint() const {
  if (rest_) return rest_->checkpoint();
  if (!begun_) return EntryPoint{};
  auto at = entry_point();
  if (!at) return std::nullopt;
  return *std::move(at);
}

void ParallelGzipSource::stop_before(std::uint64_t input_offset) {
  stop_ = input_offset;
  if (rest_) rest_->stop_before(input_offset);
}

SourceSeconds ParallelGzipSource::seconds() const {
  const double read = reading_.seconds() + (rest_ ? rest_->seconds().read : 0);
  return {read, working_.seconds() - read};
}

// Taking what helpers decoded -----

/// Whether a chunk begins here. Waits for one that may.
bool ParallelGzipSource::take_chunk() {
  std::unique_lock lock(mutex_);
  if (frontier_ != chunk_of(here_)) pass_to(chunk_of(here_));
  const auto found = chunks_.find(frontier_);
  if (found == chunks_.end() || plain_end_ < kDeflateWindow) return false;
  Chunk& chunk = *found->second;
  changed_.wait(lock, [&] { return chunk.decoded || failure_; });
  if (failure_) std::rethrow_exception(failure_);
  if (chunk.begin != here_ || chunk.size == 0) return false;
  chunk_ = std::move(found->second);
  chunks_.erase(found);
  return true;
}

/// The reader is in chunk `number` now; under the lock.
void ParallelGzipSource::pass_to(std::uint64_t number) {
  frontier_ = number;
  while (!chunks_.empty() && chunks_.begin()->first < number && chunks_.begin()->second->decoded) {
    if (chunks_.begin()->second->symbols) memory_.push_back(std::move(chunks_.begin()->second->symbols));
    chunks_.erase(chunks_.begin());
  }
  changed_.notify_all();
}

/// From the window before chunk_ to that behind it, before its symbols become bytes.
void ParallelGzipSource::enter_chunk() {
  chunk_given_ = 0;
  std::memmove(plain_.data(), plain_.data() + plain_end_ - kDeflateWindow, kDeflateWindow);
  plain_end_ = kDeflateWindow;
  table_.set_window(std::span(plain_).first<kDeflateWindow>());
  const std::size_t fresh = std::min(chunk_->size, kDeflateWindow), kept = kDeflateWindow - fresh;
  std::memmove(plain_.data(), plain_.data() + fresh, kept);
  table_.replace(plain_.data() + kept, chunk_->text() + chunk_->size - fresh, fresh);
}

void ParallelGzipSource::give_chunk() {
  if (chunk_given_ == chunk_->size) return leave_chunk();
  const std::size_t part = std::min(kPart, chunk_->size - chunk_given_);
  std::uint8_t* const bytes = chunk_->bytes() + chunk_given_;
  table_.replace(bytes, chunk_->text() + chunk_given_, part);
  chunk_given_ += part;
  give({bytes, part});
}

void ParallelGzipSource::leave_chunk() {
  here_ = chunk_->end;
  fed_ = false;
  const std::lock_guard lock(mutex_);
  memory_.push_back(std::move(chunk_->symbols));
  chunk_.reset();
}

// Helpers -----

void ParallelGzipSource::recruit() {
  const std::uint64_t chunks = chunk_of(file_bytes_ * 8);
  if (helpers_.size() + 2 > chunks - std::min(chunks, chunk_of(here_)) || !budget_.take()) return;
  const std::lock_guard lock(mutex_);
  ++helping_;
  helpers_.emplace_back([this] { help(); });
}

void ParallelGzipSource::dismiss() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
  }
  changed_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
  budget_.give(helpers_.size());
  helpers_.clear();
}

/// A chunk for a helper, under the lock: the next one that is not the reader's own, or, if those are all in work, the
/// last of these.
std::optional<std::uint64_t> ParallelGzipSource::claim_decoding() const {
  const std::uint64_t turn = helping_ + 1;
  const std::uint64_t end = std::min(frontier_ + 1 + kChunksAThread * turn, chunk_of(file_bytes_ * 8));
  const auto readers_own = [&](std::uint64_t number) { return helping_ < kHelpersThatDoAll && number % turn == 0; };
  for (std::uint64_t number = frontier_ + 1; number < end; ++number) {
    if (!readers_own(number) && !chunks_.contains(number)) return number;
  }
  for (std::uint64_t number = end; number-- > frontier_ + 2;) {
    if (!chunks_.contains(number)) return number;
  }
  return std::nullopt;
}

void ParallelGzipSource::help() {
  try {
    decode_chunks();
  } catch (...) {  // no memory is left
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    changed_.notify_all();
  }
}

void ParallelGzipSource::decode_chunks() {
  DeflateBlocks blocks;
  std::vector<std::uint8_t> input(options_.chunk_bytes + kInputBehindChunk);
  std::unique_lock lock(mutex_);
  while (!leaving_) {
    const auto number = claim_decoding();
    if (!number) {
      changed_.wait(lock);
      continue;
    }
    Chunk& chunk = *(chunks_[*number] = std::make_unique<Chunk>());
    if (!memory_.empty()) {
      chunk.symbols = std::move(memory_.back());
      memory_.pop_back();
    }
    lock.unlock();
    decode_chunk(chunk, *number, blocks, input);
    lock.lock();
    chunk.decoded = true;
    changed_.notify_all();
  }
}

/// Blocks from the first that is found in the chunk to the first behind it, or as many as can be had.
void ParallelGzipSource::decode_chunk(Chunk& chunk, std::uint64_t number, DeflateBlocks& blocks,
                                      std::vector<std::uint8_t>& input) const {
  const std::uint64_t origin = number * options_.chunk_bytes;
  const auto got = read_at(path_, origin, input);
  if (!got) return;  // the reader will meet it
  const std::span<const std::uint8_t> bytes(input.data(), *got);
  const auto found = find_block(bytes, 0, options_.chunk_bytes * 8);
  if (!found) return;
  if (!chunk.symbols) {
    chunk.symbols = std::make_unique_for_overwrite<DeflateSymbol[]>(kDeflateWindow + options_.most_symbols +
                                                                    DeflateBlocks::kOverrun);
  }
  fill_placeholders(chunk.symbols.get());
  DeflateOutput<DeflateSymbol> output{chunk.symbols.get(), chunk.symbols.get() + kDeflateWindow,
                                      chunk.symbols.get() + kDeflateWindow + options_.most_symbols};
  std::uint64_t end = *found;
  std::size_t size = 0;
  blocks.begin(bytes, end);
  while (end < options_.chunk_bytes * 8) {
    if (blocks.begin_block() != Step::block_end || blocks.last_block()) break;
    if (blocks.decode(output) != Step::block_end) break;
    end = blocks.bit();
    size = static_cast<std::size_t>(output.out - output.begin) - kDeflateWindow;
  }
  chunk.begin = origin * 8 + *found;
  chunk.end = origin * 8 + end;
  chunk.size = size;
}

}  // namespace

Expected<std::unique_ptr<ByteSource>> open_parallel_gzip(const std::string& path, ThreadBudget& budget,
                                                         const ParallelGzipOptions& options) {
  auto file = FileSource::open(path);
  if (!file) return std::move(file).error();
  return std::unique_ptr<ByteSource>(
      std::make_unique<ParallelGzipSource>(path, (*file)->input_total(), budget, options));
}

}  // namespace tidegauge
