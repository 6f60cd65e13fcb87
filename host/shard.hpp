// Which captures of a job are one process's own, where several on one machine or many share it out: every process is given the
// same captures and its own number, and `tidegauge merge` puts the series files together. A capture belongs to a shard by the
// hash of its path as it is written, so that a list that grows meanwhile moves nothing, and no two processes need to talk.
// Thread safety: values. Tested by tests/host/shard_test.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

struct Shard {
  std::size_t index = 0, count = 1;
  bool has(std::string_view path) const;
  std::vector<std::string> own(const std::vector<std::string>& paths) const;
  friend bool operator==(const Shard&, const Shard&) = default;
};

/// "0/8" to "7/8"; "auto" takes both numbers from a Slurm array (SLURM_ARRAY_TASK_ID, _MIN and _COUNT, in steps of one);
/// "auto/8" the first one, from there or from a Kubernetes indexed job (JOB_COMPLETION_INDEX).
Expected<Shard> parse_shard(const std::string& text);

}  // namespace tidegauge
