#include "host/shard.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <charconv>
#include <cstdlib>
#include <optional>

namespace tidegauge {
namespace {

constexpr const char* usage = "0/8 to 7/8 for eight shards; auto or auto/8 under Slurm or Kubernetes";

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// Of an environment variable; nothing where it is unset or no number.
std::optional<std::size_t> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  return text ? number(text) : std::nullopt;
}

std::optional<std::size_t> index_here() {
  if (const auto id = number_in("SLURM_ARRAY_TASK_ID")) {
    const std::size_t least = number_in("SLURM_ARRAY_TASK_MIN").value_or(0);
    return *id >= least ? std::optional(*id - least) : std::nullopt;
  }
  return number_in("JOB_COMPLETION_INDEX");
}

std::optional<std::size_t> count_of(const std::string& text) {
  const auto slash = text.find('/');
  if (slash != std::string::npos) return number(std::string_view(text).substr(slash + 1));
  if (text == "auto") return number_in("SLURM_ARRAY_TASK_COUNT");
  return std::nullopt;
}

}  // namespace

bool Shard::has(std::string_view path) const { return XXH3_64bits(path.data(), path.size()) % count == index; }

std::vector<std::string> Shard::own(const std::vector<std::string>& paths) const {
  std::vector<std::string> mine;
  for (const std::string& path : paths)
    if (has(path)) mine.push_back(path);
  return mine;
}

Expected<Shard> parse_shard(const std::string& text) {
  const std::string first = text.substr(0, text.find('/'));
  const bool automatic = first == "auto";
  const auto index = automatic ? index_here() : number(first);
  const auto count = count_of(text);
  if (automatic && !index)
    return Error{"no number of this process in SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX", "--shard", usage, ErrorKind::usage};
  if (text == "auto" && !count)
    return Error{"no number of shards in SLURM_ARRAY_TASK_COUNT", "--shard", "auto/8 for eight of them", ErrorKind::usage};
  if (!index || !count || *count == 0) return Error{"'" + text + "' is no shard", "--shard", usage, ErrorKind::usage};
  if (*index >= *count)
    return Error{fmt::format("there is no shard {} of {}: they count from 0", *index, *count), "--shard", usage, ErrorKind::usage};
  return Shard{*index, *count};
}

}  // namespace tidegauge
