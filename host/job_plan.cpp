#include "host/job_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "host/mistakes.hpp"

namespace tidegauge {
namespace {

constexpr int plan_version = 1;

/// A shard for each file, by position.
void share_out(JobPlan& plan) {
  std::vector<std::size_t> order(plan.files.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return plan.files[a].bytes > plan.files[b].bytes; });
  std::vector<std::uint64_t> load(plan.shards, 0);
  for (const std::size_t file : order) {
    const auto emptiest = std::min_element(load.begin(), load.end());
    plan.files[file].shard = static_cast<std::size_t>(emptiest - load.begin());
    *emptiest += plan.files[file].bytes;
  }
}

JobPlan plan_from(const nlohmann::json& document) {
  JobPlan plan;
  plan.interval_ns = document.at("interval_ns").get<std::int64_t>();
  plan.point = document.at("point").get<std::string>();
  plan.shards = document.at("shards").get<std::size_t>();
  for (const auto& setting : document.at("count"))
    plan.counting.emplace_back(setting.at(0).get<std::string>(), setting.at(1).get<std::string>());
  if (document.contains("keys")) plan.key_lists = document.at("keys").dump();
  for (const auto& file : document.at("files"))
    plan.files.push_back({file.at("path").get<std::string>(), file.at("bytes").get<std::uint64_t>(),
                          file.at("shard").get<std::size_t>()});
  return plan;
}

}  // namespace

std::vector<std::string> JobPlan::paths(const Shard& shard) const {
  std::vector<std::string> own;
  for (const PlannedFile& file : files)
    if (shard.count == 1 || file.shard == shard.index) own.push_back(file.path);
  return own;
}

Status plan_files(JobPlan& plan, const std::vector<std::string>& paths) {
  Mistakes mistakes;
  for (const std::string& path : paths) {
    std::error_code error;
    const bool regular = std::filesystem::is_regular_file(path, error);
    const std::uint64_t bytes = regular ? std::filesystem::file_size(path, error) : 0;
    if (!regular || error)
      mistakes.add({error ? "cannot be looked at: " + error.message() : "is no file", path, "check the path", ErrorKind::usage});
    plan.files.push_back({path, bytes, 0});
  }
  share_out(plan);
  return mistakes.status();
}

std::string plan_json(const JobPlan& plan) {
  nlohmann::ordered_json document{{"plan", plan_version}, {"interval_ns", plan.interval_ns}, {"point", plan.point},
                                  {"shards", plan.shards}};
  std::uint64_t bytes = 0;
  for (const PlannedFile& file : plan.files) bytes += file.bytes;
  document["bytes"] = bytes;
  document["count"] = nlohmann::ordered_json::array();
  for (const auto& [name, text] : plan.counting) document["count"].push_back({name, text});
  if (!plan.key_lists.empty()) document["keys"] = nlohmann::ordered_json::parse(plan.key_lists);
  document["files"] = nlohmann::ordered_json::array();
  for (const PlannedFile& file : plan.files)
    document["files"].push_back({{"path", file.path}, {"bytes", file.bytes}, {"shard", file.shard}});
  return document.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Expected<JobPlan> read_plan(const std::string& path) {
  const auto no_plan = [&](const std::string& why) {
    return Error{"this is no plan: " + why, path, "tidegauge plan CAPTURES -o FILE makes one", ErrorKind::usage};
  };
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{"cannot be opened", path, "check the path", ErrorKind::usage};
  try {
    const auto document = nlohmann::json::parse(in);
    if (const int version = document.at("plan").get<int>(); version != plan_version)
      return no_plan(fmt::format("version {}, and this program knows {}", version, plan_version));
    JobPlan plan = plan_from(document);
    if (plan.interval_ns <= 0) return no_plan("its interval is not positive");
    if (plan.shards == 0 || std::ranges::any_of(plan.files, [&](const auto& file) { return file.shard >= plan.shards; }))
      return no_plan("a file is in a shard that there is not");
    return plan;
  } catch (const nlohmann::json::exception& e) {
    return no_plan(e.what());
  }
}

}  // namespace tidegauge
