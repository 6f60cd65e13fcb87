#include "host/find_captures.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include "host/stats_file.hpp"
#include "ingest/formats/walk_session.hpp"

namespace tidegauge {
namespace {

namespace fs = std::filesystem;

class Search {
 public:
  Status add(const std::string& name) {
    std::error_code none;
    if (fs::is_directory(name, none)) return add_folder(name);
    if (name != "-" && !fs::exists(name, none) && name.find_first_of("*?[") != std::string::npos) return add_matches(name);
    add_path(name);
    return {};
  }
  FoundCaptures take() { return std::move(found_); }

 private:
  void add_path(const std::string& path) {
    if (path == "-" || seen_.insert(path).second) found_.paths.push_back(path);
  }

  Status add_folder(const std::string& folder) {
    const auto files = files_under(folder);
    if (!files) return files.error();
    bool any = false;
    for (const std::string& file : *files) {
      const bool capture = is_capture(file);
      any = any || capture;
      if (capture) add_path(file);
      else found_.left_out.push_back(file);
    }
    if (any) return {};
    return Error{fmt::format("there is no capture in it, of {} files", files->size()), folder, "check the folder's name",
                 ErrorKind::usage};
  }

  Status add_matches(const std::string& pattern) {
    ::glob_t matches{};
    const int status = ::glob(pattern.c_str(), GLOB_ERR, nullptr, &matches);
    std::vector<std::string> names;
    if (status == 0) names.assign(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
    ::globfree(&matches);
    if (status == GLOB_NOMATCH) return Error{"nothing matches this pattern", pattern, "check the path", ErrorKind::usage};
    if (status != 0) return Error{"a folder of this pattern cannot be read", pattern, "check its permissions"};
    for (const std::string& name : names) TG_TRY(add(name));
    return {};
  }

  FoundCaptures found_;
  std::set<std::string> seen_;
};

}  // namespace

Expected<std::vector<std::string>> files_under(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code none;
    if (name.starts_with(".")) {
      if (entry->is_directory(none)) entry.disable_recursion_pending();
    } else if (entry->is_regular_file(none) && !name.ends_with(".part")) {
      files.push_back(entry->path().string());
    }
  }
  if (error) return Error{"cannot be read: " + error.message(), folder, "check its permissions"};
  std::sort(files.begin(), files.end());
  return files;
}

bool is_capture(const std::string& path) { return begins_as_capture(path) || is_stats_file(path); }

Expected<FoundCaptures> find_captures(const std::vector<std::string>& named) {
  Search search;
  for (const std::string& name : named) TG_TRY(search.add(name));
  return search.take();
}

Expected<std::vector<std::string>> read_name_list(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path);
  std::istream& in = path == "-" ? std::cin : file;
  if (!in) return Error{"cannot be opened", path, "check the path", ErrorKind::usage};
  std::vector<std::string> names;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) names.push_back(line);
  return names;
}

std::string left_out_words(const FoundCaptures& found) {
  if (found.left_out.empty()) return {};
  constexpr std::size_t most_named = 3;
  const std::vector<std::string> first(found.left_out.begin(),
                                       found.left_out.begin() + static_cast<std::ptrdiff_t>(std::min(most_named, found.left_out.size())));
  return fmt::format("{}: {}{}", found.left_out.size() == 1 ? "1 file is no capture"
                                                            : fmt::format("{} files are no captures", found.left_out.size()),
                     fmt::join(first, ", "), found.left_out.size() > most_named ? " and others" : "");
}

}  // namespace tidegauge
