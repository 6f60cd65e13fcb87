#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/windowing/shuffle_rule.hpp"
#include "kernels/windowing/windowing.hpp"

namespace tidegauge {

std::size_t PartSize::of(std::size_t total) const {
  if (!is_fraction) return std::min(rows, total);
  return std::min(total, static_cast<std::size_t>(std::llround(fraction * static_cast<double>(total))));
}

Expected<PartSize> parse_part_size(std::string_view text, std::string_view option) {
  const auto refuse = [&] {
    return Error{fmt::format("'{}' is neither a number of rows nor a fraction below 1", text), std::string(option),
                 "rows such as 125, or a fraction such as 0.7", ErrorKind::usage};
  };
  const char* last = text.data() + text.size();
  if (text.find_first_of(".eE") == std::string_view::npos) {
    std::size_t rows = 0;
    const auto [end, error] = std::from_chars(text.data(), last, rows);
    if (error != std::errc() || end != last) return refuse();
    return PartSize::of_rows(rows);
  }
  double fraction = 0;
  const auto [end, error] = std::from_chars(text.data(), last, fraction);
  if (error != std::errc() || end != last || !(fraction >= 0 && fraction < 1)) return refuse();
  return PartSize::of_fraction(fraction);
}

std::string part_size_text(const PartSize& size) {
  if (!size.is_fraction) return fmt::format("{}", size.rows);
  std::string text = fmt::format("{}", size.fraction);
  if (text.find('.') == std::string::npos && text.find('e') == std::string::npos) text += ".0";
  return text;
}

Expected<ChronologicalSplit> split_rows(std::size_t rows, const PartSize& training_part, const PartSize& validation) {
  if (rows > std::numeric_limits<std::uint32_t>::max())
    return Error{fmt::format("{} rows are more than windows can index (2^32 - 1)", rows), "",
                 "a coarser interval, or a shorter stretch with --since and --until"};
  if (!training_part.is_fraction && training_part.rows > rows)
    return Error{fmt::format("a training part of {} rows is longer than the series ({} rows)", training_part.rows, rows),
                 "--train", "fewer rows, or a fraction such as 0.7", ErrorKind::usage};
  const std::size_t part = training_part.of(rows);
  const std::size_t tail = validation.of(part);
  if (tail >= part)
    return Error{fmt::format("the validation tail ({} rows) leaves nothing of the training part ({} rows)", tail, part),
                 "--validation", "a smaller validation tail or a larger training part", ErrorKind::usage};
  return ChronologicalSplit{{0, part - tail}, {part - tail, part}, {part, rows}};
}

std::vector<std::uint32_t> window_starts(std::span<const Segment> segments, std::size_t look_back, std::size_t horizon,
                                         Segment targets_in) {
  std::vector<std::uint32_t> starts;
  for (const Segment& segment : segments) {
    const std::size_t first_target = std::max(segment.first + look_back, targets_in.first);
    const std::size_t last_target = std::min(segment.last, targets_in.last);  // one past
    for (std::size_t target = first_target; target + horizon <= last_target; ++target)
      starts.push_back(static_cast<std::uint32_t>(target - look_back));
  }
  return starts;
}

void shuffle_starts(std::span<std::uint32_t> starts, std::uint64_t seed, std::uint64_t epoch) {
  shuffle_in_place(starts.data(), starts.size(), seed, epoch);
}

}  // namespace tidegauge
