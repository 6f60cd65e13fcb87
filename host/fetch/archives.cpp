#include "host/fetch/archives.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "host/time_text.hpp"

namespace tidegauge {

namespace {

using std::chrono::sys_days;

constexpr sys_days date(int year, unsigned month, unsigned day) {
  return std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
}
constexpr sys_days open_end = date(9999, 12, 31);

/// A time during which a sample point named its files in one way.
struct MawiEra {
  std::string_view point;
  sys_days first, last;
  std::string_view suffix;
};

// Sample point F's last .dump.gz is of 2015-12-08, its first .pcap.gz of 2015-12-28; nothing lies between them. Where only
// the year is known it stands in full: a day without a trace is reported as missing, and nothing is lost by asking. Of A to
// D neither hour nor suffix was verified; they are taken to be those of F's first years.
constexpr std::array mawi_eras{
    MawiEra{"A", date(1999, 1, 1), date(2000, 12, 31), ".dump.gz"},
    MawiEra{"B", date(2000, 1, 1), date(2006, 6, 30), ".dump.gz"},
    MawiEra{"C", date(2000, 1, 1), date(2009, 12, 31), ".dump.gz"},
    MawiEra{"D", date(2000, 1, 1), date(2009, 12, 31), ".dump.gz"},
    MawiEra{"F", date(2006, 7, 1), date(2015, 12, 27), ".dump.gz"},
    MawiEra{"F", date(2015, 12, 28), open_end, ".pcap.gz"},
};
constexpr int mawi_hour = 14;  // Japan's time

struct MawiNote {
  std::string_view point;
  sys_days first, last;
  std::string_view words;
};
constexpr std::array mawi_known{
    MawiNote{"F", date(2015, 5, 28), date(2015, 9, 3), "many packets were captured twice: bin them with --dedup"},
    MawiNote{"F", date(2022, 11, 4), date(2022, 12, 15), "the capture was out of order, there are no traces"},
    MawiNote{"F", date(2023, 8, 8), open_end, "two links instead of one: volumes do not compare with earlier ones"},
};

struct CaidaEra {
  std::string_view monitor;
  sys_days first, last;
};
// The first of a day's monitors is the default.
constexpr std::array caida_eras{
    CaidaEra{"equinix-chicago", date(2008, 3, 19), date(2016, 12, 31)},
    CaidaEra{"equinix-sanjose", date(2008, 7, 17), date(2014, 12, 31)},
    CaidaEra{"equinix-nyc", date(2018, 1, 1), date(2019, 12, 31)},
};
constexpr int caida_hour = 13;  // UTC, as in passive-2018/equinix-nyc/20180419-130000.UTC; --hours reaches the others

constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

template <class Eras>
std::string describe(const Eras& eras, std::string_view (*name)(const typename Eras::value_type&)) {
  std::map<std::string, std::pair<sys_days, sys_days>> spans;
  for (const auto& era : eras) {
    const auto [at, added] = spans.emplace(std::string(name(era)), std::pair{era.first, era.last});
    if (!added) at->second.second = std::max(at->second.second, era.last);
  }
  std::string words;
  for (const auto& [point, span] : spans)
    words += fmt::format("{}{} {} {}", words.empty() ? "" : ", ", point, span.second == open_end ? "since" : "from",
                         format_day(span.first)) + (span.second == open_end ? "" : " to " + format_day(span.second));
  return words;
}

const MawiEra* mawi_era(std::string_view point, sys_days day) {
  const auto at = std::ranges::find_if(
      mawi_eras, [&](const MawiEra& era) { return era.point == point && era.first <= day && day <= era.last; });
  return at == mawi_eras.end() ? nullptr : &*at;
}

const CaidaEra* caida_era(std::string_view monitor, sys_days day) {
  const auto at = std::ranges::find_if(caida_eras, [&](const CaidaEra& era) {
    return (monitor.empty() || era.monitor == monitor) && era.first <= day && day <= era.last;
  });
  return at == caida_eras.end() ? nullptr : &*at;
}

/// What the words in braces of a template stand for.
struct Placeholders {
  sys_days day;
  int hour;
  std::string_view direction;

  std::optional<std::string> value(std::string_view word) const {
    const std::chrono::year_month_day date(day);
    const int year = static_cast<int>(date.year());
    if (word == "YYYY") return fmt::format("{:04}", year);
    if (word == "YY") return fmt::format("{:02}", year % 100);
    if (word == "MM") return fmt::format("{:02}", static_cast<unsigned>(date.month()));
    if (word == "DD") return fmt::format("{:02}", static_cast<unsigned>(date.day()));
    if (word == "DDD") return fmt::format("{:03}", (day - sys_days(date.year() / 1 / 1)).count() + 1);
    if (word == "hh") return fmt::format("{:02}", hour);
    if (word == "dir") return std::string(direction);
    return std::nullopt;
  }

  Expected<std::string> fill(std::string_view text) const {
    std::string filled;
    while (!text.empty()) {
      const auto open = std::min(text.find('{'), text.size());
      filled += text.substr(0, open);
      text.remove_prefix(open);
      if (text.empty()) break;
      const auto close = text.find('}');
      const auto word = value(text.substr(1, close == text.npos ? text.npos : close - 1));
      if (close == text.npos || !word)
        return Error{fmt::format("'{}' stands for nothing", text.substr(0, close == text.npos ? close : close + 1)), "--template",
                     "{YYYY} {YY} {MM} {DD} {DDD} {hh} {dir}", ErrorKind::usage};
      filled += *word;
      text.remove_prefix(close + 1);
    }
    return filled;
  }
};

std::string last_segment(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  return std::string(url.substr(url.rfind('/') + 1));
}

/// A name that stays within the folder.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos && name.find('\0') == name.npos;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<int> weekday_number(std::string_view name) {
  const auto at = std::ranges::find(weekday_names, name);
  if (at == weekday_names.end()) return std::nullopt;
  return static_cast<int>(at - weekday_names.begin());
}

std::optional<int> hour_number(std::string_view text) {
  int hour = -1;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), hour);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || hour < 0 || hour > 23) return std::nullopt;
  return hour;
}

/// Calls add(n) for each number of a list such as "a,c-e"; false where the text is none.
template <class Number, class Add>
bool read_list(std::string_view text, const Number& number, int cycle, const Add& add) {
  for (const auto part : split(text, ',')) {
    const auto ends = split(part, '-');
    const auto first = number(ends.front()), last = number(ends.back());
    if (!first || !last || ends.size() > 2) return false;
    for (int n = *first;; n = (n + 1) % cycle) {
      add(n);
      if (n == *last) break;
    }
  }
  return true;
}

}  // namespace

std::vector<sys_days> DaySelection::days() const {
  std::vector<sys_days> chosen;
  for (sys_days day = first; day <= last; day += std::chrono::days(1))
    if (weekdays[std::chrono::weekday(day).c_encoding()]) chosen.push_back(day);
  return chosen;
}

Expected<std::vector<ArchiveFile>> mawi_files(std::string_view base, std::string_view point, const DaySelection& selection) {
  const std::vector<int> hours = selection.hours.empty() ? std::vector{mawi_hour} : selection.hours;
  if (!selection.directions.empty())
    return Error{"MAWI's traces hold both directions", "--directions", "leave it out", ErrorKind::usage};
  std::vector<ArchiveFile> files;
  for (const sys_days day : selection.days()) {
    const MawiEra* const era = mawi_era(point, day);
    if (!era)
      return Error{fmt::format("MAWI's sample point {} has nothing on {}", point, format_day(day)), "--point",
                   describe(mawi_eras, [](const MawiEra& e) { return e.point; }), ErrorKind::usage};
    for (const int hour : hours) {
      const Placeholders at{day, hour, {}};
      const std::string name = *at.fill("{YYYY}{MM}{DD}{hh}00") + std::string(era->suffix);
      files.push_back({fmt::format("{}/samplepoint-{}/{}/{}", base, point, *at.value("YYYY"), name), name, day});
    }
  }
  return files;
}

Expected<std::vector<ArchiveFile>> mawilab_files(std::string_view base, const std::vector<std::string>& kinds,
                                                 const DaySelection& selection) {
  if (!selection.hours.empty() || !selection.directions.empty())
    return Error{"MAWILab's labels are of whole days", "--hours --directions", "leave them out", ErrorKind::usage};
  std::vector<ArchiveFile> files;
  for (const sys_days day : selection.days())
    for (const std::string& kind : kinds) {
      const Placeholders at{day, 0, {}};
      const std::string name = *at.fill("{YYYY}{MM}{DD}_") + kind;
      files.push_back({fmt::format("{}/{}/{}", base, *at.fill("{YYYY}/{MM}/{DD}"), name), name, day});
    }
  return files;
}

Expected<std::vector<ArchiveFolder>> caida_folders(std::string_view base, std::string_view monitor,
                                                   const std::vector<std::string>& kinds, const DaySelection& selection) {
  const std::vector<int> hours = selection.hours.empty() ? std::vector{caida_hour} : selection.hours;
  const auto directions = selection.directions.empty() ? std::vector<std::string>{"A", "B"} : selection.directions;
  std::vector<ArchiveFolder> folders;
  for (const sys_days day : selection.days()) {
    const CaidaEra* const era = caida_era(monitor, day);
    if (!era)
      return Error{fmt::format("{} measured nothing on {}", monitor.empty() ? "CAIDA" : monitor, format_day(day)), "--monitor",
                   describe(caida_eras, [](const CaidaEra& e) { return e.monitor; }), ErrorKind::usage};
    for (const int hour : hours) {
      const Placeholders at{day, hour, {}};
      const std::string folder = fmt::format("{}/passive-{}/{}/{}-{}0000.UTC/", base, *at.value("YYYY"), era->monitor,
                                             *at.fill("{YYYY}{MM}{DD}"), *at.value("hh"));
      for (const std::string& direction : directions)
        for (const std::string& kind : kinds)
          folders.push_back({folder, day, fmt::format("{}.dir{}.", era->monitor, direction), ".UTC.anon." + kind});
    }
  }
  return folders;
}

std::vector<ArchiveFile> files_in_page(const ArchiveFolder& folder, std::string_view html) {
  std::set<std::string> names;
  constexpr std::string_view link = "href=\"";
  for (auto at = html.find(link); at != html.npos; at = html.find(link, at)) {
    at += link.size();
    const std::string_view name = html.substr(at, html.find('"', at) - at);
    if (name.starts_with(folder.prefix) && name.ends_with(folder.suffix) && is_plain_name(name)) names.emplace(name);
  }
  std::vector<ArchiveFile> files;
  for (const std::string& name : names) files.push_back({folder.url + name, name, folder.day});
  return files;
}

Expected<std::vector<ArchiveFile>> template_files(std::string_view url, std::string_view name, const DaySelection& selection) {
  const auto unused = [&](const auto& values, std::string_view word) { return !values.empty() && url.find(word) == url.npos; };
  if (unused(selection.hours, "{hh}")) return Error{"the template has no {hh}", "--hours", "leave it out", ErrorKind::usage};
  if (unused(selection.directions, "{dir}"))
    return Error{"the template has no {dir}", "--directions", "leave it out", ErrorKind::usage};
  const std::vector<int> hours = selection.hours.empty() ? std::vector{0} : selection.hours;
  const auto directions = selection.directions.empty() ? std::vector<std::string>{""} : selection.directions;
  std::vector<ArchiveFile> files;
  std::set<std::string> names;
  for (const sys_days day : selection.days())
    for (const int hour : hours)
      for (const std::string& direction : directions) {
        const Placeholders at{day, hour, direction};
        auto filled = at.fill(url);
        if (!filled) return std::move(filled).error();
        auto called = name.empty() ? Expected<std::string>(last_segment(*filled)) : at.fill(name);
        if (!called) return std::move(called).error();
        if (!is_plain_name(*called))
          return Error{fmt::format("'{}' is no name for a file", *called), "--name", "such as {YYYY}{MM}{DD}.pcap.gz",
                       ErrorKind::usage};
        if (!names.insert(*called).second)
          return Error{fmt::format("two files would be called '{}'", *called), "--template",
                       "--name with what tells them apart, such as {YYYY}{MM}{DD}.pcap.gz", ErrorKind::usage};
        files.push_back({*std::move(filled), *std::move(called), day});
      }
  return files;
}

std::vector<std::string> mawi_notes(std::string_view point, const DaySelection& selection) {
  std::vector<std::string> notes;
  for (const MawiNote& note : mawi_known)
    if (note.point == point && note.first <= selection.last && selection.first <= note.last)
      notes.push_back(fmt::format("{} {}: {}", note.last == open_end ? "since" : "from", format_day(note.first) +
                                  (note.last == open_end ? "" : " to " + format_day(note.last)), note.words));
  return notes;
}

Expected<sys_days> parse_day(std::string_view text, const std::string& what) {
  const auto time = text.size() == 10 ? parse_wall_time(text) : std::nullopt;
  if (time) return sys_days(std::chrono::days(time->seconds / 86'400));
  return Error{fmt::format("'{}' is not a day", text), what, "2016-01-09", ErrorKind::usage};
}

std::string format_day(sys_days day) {
  return *Placeholders{day, 0, {}}.fill("{YYYY}-{MM}-{DD}");
}

Expected<std::bitset<7>> parse_weekdays(std::string_view text, const std::string& what) {
  std::bitset<7> days;
  if (read_list(text, weekday_number, 7, [&](int day) { days.set(static_cast<std::size_t>(day)); })) return days;
  return Error{fmt::format("'{}' are no weekdays", text), what, "mon,wed or sat-sun", ErrorKind::usage};
}

Expected<std::vector<int>> parse_hours(std::string_view text, const std::string& what) {
  std::set<int> hours;
  if (read_list(text, hour_number, 24, [&](int hour) { hours.insert(hour); })) return std::vector<int>(hours.begin(), hours.end());
  return Error{fmt::format("'{}' are no hours", text), what, "13,14 or 0-23", ErrorKind::usage};
}

}  // namespace tidegauge
