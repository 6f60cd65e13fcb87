#include "ingest/sinks/times_reader.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string_view>
#include <utility>

#include "ingest/source/entry_point.hpp"

namespace tidegauge {
namespace {

constexpr std::array<std::string_view, 6> kCompressions{"", ".gz", ".zst", ".xz", ".bz2", ".lz4"};
constexpr std::ptrdiff_t kLongestLine = 64;
constexpr std::int64_t kLastSecond = std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 1;

/// Digits from `p` on, up to the first other byte; `p` is moved to it. False where there are none or too
/// many.
bool read_seconds(const std::uint8_t*& p, const std::uint8_t* end, std::int64_t& seconds) {
  const std::uint8_t* const begin = p;
  for (seconds = 0; p != end && *p >= '0' && *p <= '9'; ++p) {
    seconds = seconds * 10 + (*p - '0');
    if (seconds > kLastSecond) return false;
  }
  return p != begin;
}

/// The digits behind the point as nanoseconds.
std::int64_t read_fraction(const std::uint8_t*& p, const std::uint8_t* end) {
  std::int64_t ns = 0;
  int digits = 0;
  for (; p != end && *p >= '0' && *p <= '9'; ++p, ++digits)
    if (digits < 9) ns = ns * 10 + (*p - '0');
  for (; digits < 9; ++digits) ns *= 10;
  return ns;
}

}  // namespace

std::optional<std::string> times_file_of(const std::string& capture) {
  std::string_view name = capture;
  for (const std::string_view compression : kCompressions)
    if (!compression.empty() && name.ends_with(compression)) name.remove_suffix(compression.size());
  constexpr std::string_view kPcap = ".pcap";
  if (!name.ends_with(kPcap)) return std::nullopt;
  name.remove_suffix(kPcap.size());
  for (const std::string_view compression : kCompressions) {
    std::string beside = std::string(name) + ".times" + std::string(compression);
    std::error_code error;
    if (std::filesystem::is_regular_file(beside, error)) return beside;
  }
  return std::nullopt;
}

TimesReader::TimesReader(std::string path, std::unique_ptr<ByteSource> source)
    : path_(std::move(path)), source_(std::move(source)), lines_(std::make_unique<BlockReader>(*source_)) {}

Expected<TimesReader> TimesReader::open(const std::string& path) {
  auto source = open_source(path);
  if (!source) return std::move(source).error();
  return TimesReader(path, std::move(*source));
}

bool TimesReader::fail(Error error) {
  if (status_) status_ = std::move(error);
  return false;
}

bool TimesReader::refill() {
  while (lines_->end() - lines_->begin() < kLongestLine && !lines_->final()) {
    auto more = lines_->more();
    if (!more) return fail(std::move(more).error());
  }
  return lines_->size() != 0;
}

bool TimesReader::bad_line(const std::uint8_t* begin) {
  const std::uint8_t* const limit = begin + std::min<std::ptrdiff_t>(lines_->end() - begin, kLongestLine);
  const std::string text(begin, std::find(begin, limit, '\n'));
  return fail({"'" + text + "' is not a time", here(),
               "a file with one decimal epoch a line, such as 1524143509.123456789"});
}

bool TimesReader::next(std::int64_t& ns) {
  if (!status_ || (lines_->end() - lines_->begin() < kLongestLine && !refill())) return false;
  ++line_;
  const std::uint8_t* const begin = lines_->begin();
  const std::uint8_t* const end = begin + std::min<std::ptrdiff_t>(lines_->end() - begin, kLongestLine);
  const std::uint8_t* p = begin;
  std::int64_t seconds;
  if (!read_seconds(p, end, seconds)) return bad_line(begin);
  ns = seconds * 1'000'000'000;
  if (p != end && *p == '.') ns += read_fraction(++p, end);
  if (p != end && *p == '\r') ++p;
  if (p == end) {
    if (end != lines_->end() || !lines_->final()) return bad_line(begin);  // longer than any time
    if (!source_->damage().empty()) return --line_, false;                 // cut where the compression is
  } else if (*p++ != '\n') {
    return bad_line(begin);
  }
  lines_->consume(p);
  return true;
}

Status TimesReader::open_at(std::uint64_t begin) {
  auto source = open_source_at(path_, EntryPoint{begin, begin, {}});
  if (!source) return std::move(source).error();
  read_before_ = input_done();
  source_ = *std::move(source);
  opened_at_ = source_->input_done();
  lines_ = std::make_unique<BlockReader>(*source_);
  begin_ = begin;
  return {};
}

Status TimesReader::pass_over(std::uint64_t bytes) {
  while (bytes != 0) {
    const std::uint64_t there = std::min<std::uint64_t>(bytes, lines_->size());
    lines_->consume(lines_->begin() + there);
    bytes -= there;
    if (bytes == 0) break;
    if (lines_->final()) return Error{"ends before the line that is looked for", path_, "check that it is the file that was counted"};
    TG_TRY(lines_->more());
  }
  return {};
}

Status TimesReader::go_to(const TimesPlace& place) {
  if (!status_) return status_;
  const bool plain = source_->compression().empty();
  // The line break before it, which shows that a line begins there.
  const std::uint64_t wanted = place.offset - (place.offset != 0), here = this->place().offset;
  if (wanted < here || (plain && wanted > here + lines_->size())) TG_TRY(open_at(plain ? wanted : 0));
  TG_TRY(pass_over(wanted - this->place().offset));
  line_ = place.line;
  if (place.offset == 0) return {};
  if (!refill() || *lines_->begin() != '\n') {
    if (!status_) return status_;
    return Error{"no line begins at byte " + std::to_string(place.offset), path_, "check that it is the file that was counted"};
  }
  lines_->consume(lines_->begin() + 1);
  return {};
}

Expected<std::uint64_t> TimesReader::skip_rest() {
  std::uint64_t lines = 0;
  for (bool open_line = false;;) {
    const auto breaks = static_cast<std::uint64_t>(std::count(lines_->begin(), lines_->end(), '\n'));
    lines += breaks;
    if (lines_->size() != 0) open_line = lines_->end()[-1] != '\n';
    lines_->consume(lines_->end());
    if (lines_->final()) return lines + open_line;
    auto more = lines_->more();
    if (!more) return std::move(more).error();
  }
}

}  // namespace tidegauge
