// Streams and graphs of a CUDA runtime that is the host (host_runtime.cpp): work put on a stream is done at once, or, with
// `work_waits`, not before somebody waits for the stream; where a graph is being recorded it is kept and done whenever
// the graph is launched. So host code that talks to CUDA and cuDNN runs without a card, and the address sanitizer
// watches what it calls device memory: with `work_waits` it finds what was freed under work that was still to be done.
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <optional>
#include <vector>

using HostWork = std::vector<std::function<void()>>;

struct CUstream_st {
  HostWork waiting;
  std::optional<HostWork> recording;
};
struct CUgraph_st {
  HostWork work;
};
struct CUgraphExec_st {
  HostWork work;
};

namespace tidegauge::test {

enum class Recording { works, cannot_begin, cannot_end };

/// Work is done when it is waited for, as a card may, and not at once.
extern bool work_waits;
/// As on a device or library that cannot.
extern Recording recording;
/// Of graphs, as on a card that is lost.
extern bool launches_fail;
/// So many allocations succeed, the next one fails; negative: all succeed.
extern int allocations_left;
/// Of the whole device, as it says; allocations do not mind.
extern std::size_t device_bytes;

inline void put_on_stream(cudaStream_t stream, std::function<void()> work) {
  if (stream->recording)
    stream->recording->push_back(std::move(work));
  else if (work_waits)
    stream->waiting.push_back(std::move(work));
  else
    work();
}

/// Graphs launched since the program began: tests see that replaying took place.
extern int graphs_launched;
/// As of compute capability 9.0.
extern int shared_bytes_of_a_block;
/// Free device memory, as it says; allocations do not mind.
extern std::size_t free_bytes;
/// Between host and device, since the program began.
extern std::size_t bytes_copied_in, bytes_copied_out;

}  // namespace tidegauge::test
