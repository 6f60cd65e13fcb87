// Which files an archive has for a range of days, and where they lie: what is known of the archives' layouts and of their
// changes over time is data at the head of archives.cpp. Nothing here asks the network.
// Thread safety: pure functions. Tested by tests/host/fetch_archives_test.cpp.
#pragma once

#include <bitset>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// Days of an archive, in the archive's own calendar (MAWI: Japan, CAIDA: UTC).
struct DaySelection {
  std::chrono::sys_days first, last;            ///< both inclusive
  std::bitset<7> weekdays = 0b1111111;          ///< bit 0 is Sunday
  std::vector<int> hours{};                     ///< 0 to 23; empty for the archive's own
  std::vector<std::string> directions{};        ///< empty for the archive's own

  /// Those of the range that fall on one of the weekdays, in order.
  std::vector<std::chrono::sys_days> days() const;
};

/// A file of an archive.
struct ArchiveFile {
  std::string url;
  std::string name;            ///< what it is called on disk; two of one selection never share it
  std::chrono::sys_days day;
};

/// A folder of an archive whose page must be read to learn the names in it, because they hold the second of the start.
struct ArchiveFolder {
  std::string url;             ///< ends in '/'
  std::chrono::sys_days day;
  std::string prefix, suffix;  ///< of the names that were asked for
};

inline constexpr std::string_view mawi_base_url = "http://mawi.wide.ad.jp/mawi";
inline constexpr std::string_view mawilab_base_url = "http://www.fukuda-lab.org/mawilab/v1.1";
inline constexpr std::string_view caida_base_url = "https://data.caida.org/datasets";

/// A trace a day of a MAWI sample point ("A" to "D", "F").
/// @param base without a slash at its end, such as a mirror's "https://mawi.nezu.wide.ad.jp/mawi"
/// An error of usage where the point is unknown or has nothing on one of the days.
Expected<std::vector<ArchiveFile>> mawi_files(std::string_view base, std::string_view point, const DaySelection& selection);

/// MAWILab's labels of the days of sample point F.
/// @param kinds such as "anomalous_suspicious.csv", "notice.xml"
Expected<std::vector<ArchiveFile>> mawilab_files(std::string_view base, const std::vector<std::string>& kinds,
                                                 const DaySelection& selection);

/// The folders of CAIDA's passive traces: one a day and hour, named once for each direction and kind of file.
/// @param monitor such as "equinix-nyc"; empty for the one that measured on that day
/// @param kinds   such as "pcap.gz", "times.gz", "pcap.stats"
Expected<std::vector<ArchiveFolder>> caida_folders(std::string_view base, std::string_view monitor,
                                                   const std::vector<std::string>& kinds, const DaySelection& selection);

/// The files of a folder that its page links to and that have the folder's prefix and suffix, each once, by name.
std::vector<ArchiveFile> files_in_page(const ArchiveFolder& folder, std::string_view html);

/// Any archive with dates in its paths. `url` and `name` hold {YYYY} {YY} {MM} {DD} {DDD} (day of the year), {hh} and {dir};
/// with an empty `name`, files are called as in the URL. An error of usage for another word in braces, for hours or
/// directions that the URL does not use, and where two files would have one name.
Expected<std::vector<ArchiveFile>> template_files(std::string_view url, std::string_view name, const DaySelection& selection);

/// What is known about these days of a MAWI sample point: outages and days with duplicates, a sentence each.
std::vector<std::string> mawi_notes(std::string_view point, const DaySelection& selection);

/// "2016-01-09".
Expected<std::chrono::sys_days> parse_day(std::string_view text, const std::string& what);
std::string format_day(std::chrono::sys_days day);

/// "mon,wed", "sat-sun"; also across the week's end ("fri-mon").
Expected<std::bitset<7>> parse_weekdays(std::string_view text, const std::string& what);

/// "13,14", "0-23".
Expected<std::vector<int>> parse_hours(std::string_view text, const std::string& what);

}  // namespace tidegauge
