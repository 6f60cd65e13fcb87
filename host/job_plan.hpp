// What a job over many captures is, fixed before any process of it starts: the captures with their sizes and the shard that each
// is in, how they are counted, and the key lists that all shards count by. As JSON:
//   {"plan": 1, "interval_ns": 1000000000, "point": "default", "shards": 8, "bytes": 123, "count": [["count.by", "dport"]],
//    "keys": {...}, "files": [{"path": "a.pcap.gz", "bytes": 123, "shard": 0}]}
// `count` are settings of section [count] by name, as text; `keys` is absent where no key list was chosen.
//   tidegauge plan january/*.pcap.gz --shards 8 --by prefix --keys auto:100 -o january.plan
//   tidegauge bin --plan january.plan --shard 3/8 -o shard-3.series
// Shards are filled largest capture first, each into the emptiest (Graham, "Bounds on multiprocessing timing anomalies", 1969:
// at most 4/3 of the best possible). Thread safety: values. Tested by tests/host/job_plan_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "host/shard.hpp"
#include "ingest/sinks/keyed_options.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

struct PlannedFile {
  std::string path;
  std::uint64_t bytes = 0;
  std::size_t shard = 0;
  friend bool operator==(const PlannedFile&, const PlannedFile&) = default;
};

struct JobPlan {
  std::int64_t interval_ns = 0;
  std::string point = "default";
  std::size_t shards = 1;
  std::vector<std::pair<std::string, std::string>> counting{};  ///< setting, value; in the order given
  std::string key_lists{};                                      ///< as key_lists_json() writes them; empty: none were chosen
  std::vector<PlannedFile> files{};                             ///< in the order given

  std::vector<std::string> paths(const Shard& shard) const;
  friend bool operator==(const JobPlan&, const JobPlan&) = default;
};

/// Sizes of the files, shared out over plan.shards. An error names all that are not there.
Status plan_files(JobPlan& plan, const std::vector<std::string>& paths);

std::string plan_json(const JobPlan& plan);
/// Checks everything that the plan's form promises.
Expected<JobPlan> read_plan(const std::string& path);

}  // namespace tidegauge
